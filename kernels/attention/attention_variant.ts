import { attentionMatrixName, type AttentionMatrixVariant } from "./attention_matrix_variant.ts";
import { type AttentionRows, blockRows, rowsName } from "./attention_template.ts";

/** How a kernel of attention works: threads own rows, or subgroups do, on matrices. */
export type AttentionVariant = AttentionRows | AttentionMatrixVariant;

/** Whether subgroups multiply matrices. */
export const onMatrices = (v: AttentionVariant): v is AttentionMatrixVariant => "memory" in v;

/** The variant's name in results. */
export const attentionVariantName = (v: AttentionVariant) =>
  onMatrices(v) ? attentionMatrixName(v) : rowsName(v);

/** Own rows of a workgroup. */
export const ownBlock = (v: AttentionVariant) => onMatrices(v) ? v.subgroups * v.rows : blockRows(v);
