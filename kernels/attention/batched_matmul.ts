import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Operand } from "../../src/gpu/operand.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import type { AttentionShape } from "./attention_shape.ts";
import { remembered } from "../shared/remembered.ts";
import { batchedMatmulText, batchedWorkgroups } from "./batched_matmul_template.ts";
import { variantForMany } from "../products/matmul_table.ts";
import { type MatmulVariant, type Product, variantName } from "../products/matmul_variant.ts";

const textOf = remembered(batchedMatmulText);

/**
 * A matrix for each sequence and head, within one of N = batch·sequence rows: rows are the sequence's, columns begin at `column` + head ·
 * `step`. `step` is the columns of a head, or these and zeros up to a whole vector of four, or several of them; so is `column`.
 */
export interface View<Matrix extends Operand | Tensor> {
  readonly matrix: Matrix;
  readonly column: number;
  readonly step: number;
}

/** The same where so many neighbouring heads share a matrix: `step` is then columns from one to the next. */
export interface SharedView<Matrix extends Operand | Tensor> extends View<Matrix> {
  readonly share?: number;
}

/** Options of a batched product. */
export interface BatchedMatmulOptions {
  /** Multiplies the product; 1 by default. */
  readonly scale?: number;
  /** Adds to C; whole vectors' padding stays zero. */
  readonly accumulate?: boolean;
  readonly variant?: MatmulVariant;
}

/**
 * Emits C = scale·A·Bᵀ (`nt`: A and B sequence×headSize, C sequence×sequence), scale·A·B or scale·Aᵀ·B (`nn`, `tn`: A
 * sequence×sequence, B and C sequence×headSize) for each sequence and head. Writes the columns of C's view, the padding of its vectors
 * and, where the view ends the rows, theirs; nothing else. With `shape.causal` the sequence×sequence matrix is lower triangular: A's upper
 * part must be zero; C's is zero, or, in tiles that the diagonal crosses, the product.
 */
export function batchedMatmul(
  builder: ProgramBuilder,
  product: Product,
  a: View<Operand>,
  b: SharedView<Operand>,
  c: View<Tensor>,
  { sequence, heads, headSize, causal }: Omit<AttentionShape, "batch">,
  options: BatchedMatmulOptions = {},
): void {
  const m = sequence;
  const [n, k] = product === "nt" ? [sequence, headSize] : [headSize, sequence];
  const { scale = 1, accumulate: adds = false, variant = variantForMany(builder, m, n) } = options;
  const [aWhole, bWhole, cWhole] = [a, b, c].map(({ step, column }) => step % 4 === 0 && column % 4 === 0);
  const whole = { a: aWhole, b: bWhole, c: cWhole };
  const [aTensor, bTensor] = [a.matrix.tensor, b.matrix.tensor];
  const kernel = {
    label: `batched_matmul_${product}`,
    variant: variantName(variant),
    code: a.matrix.code("a", 1) + b.matrix.code("b", 2) +
      textOf(product, { matmul: variant, whole, causal, share: b.share ?? 1, adds }),
  };
  for (const window of builder.windows([c.matrix, aTensor, bTensor], sequence)) {
    const sequences = window.rows / sequence;
    builder.dispatch({
      kernel,
      bindings: [
        { group: 0, index: 1, tensor: c.matrix, access: "update", ...window },
        ...a.matrix.bindings(1, window),
        ...b.matrix.bindings(2, window),
      ],
      parameters: {
        m,
        n,
        k,
        sequences,
        sequence,
        heads,
        a_stride: aTensor.stride / 4,
        b_stride: bTensor.stride / 4,
        c_stride: c.matrix.stride / 4,
        a_column: a.column,
        a_step: a.step,
        b_column: b.column,
        b_step: b.step,
        c_column: c.column,
        c_step: c.step,
        c_columns: c.matrix.cols,
        scale,
      },
      workgroups: batchedWorkgroups(variant, sequences * heads, m, n),
      flops: 2 * sequences * heads * m * n * k * (causal ? 0.5 : 1),
    });
  }
}
