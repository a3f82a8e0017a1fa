import type { AttentionShape } from "../../kernels/attention/attention.ts";
import type { GeluKind } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { attention } from "./attention.ts";
import { gelu } from "./gelu.ts";
import { layerNorm, type LayerNormParameters } from "./layer_norm.ts";
import { linear, type LinearParameters } from "./linear.ts";
import type { Tape } from "./tape.ts";

/** The parameters of a block, by what they do. */
export interface BlockParameters {
  readonly norm1: LayerNormParameters;
  /** C×3C: queries, keys and values side by side. */
  readonly qkv: LinearParameters;
  readonly project: LinearParameters;
  readonly norm2: LayerNormParameters;
  /** C×4C and 4C×C. */
  readonly widen: LinearParameters;
  readonly narrow: LinearParameters;
}

/** What a block computes. */
export interface BlockShape extends AttentionShape {
  readonly epsilon: number;
  readonly gelu: GeluKind;
}

/** Names of a block's saved tensors: its own, and those of its two LayerNorms. */
export interface BlockNames {
  readonly block: string;
  readonly norm1: string;
  readonly norm2: string;
}

/**
 * Emits a pre-norm Transformer block over the residual stream x (N×C), in place; GPT-2's and ViT's. Returns backward, in place on the
 * stream's gradient.
 */
export function block(
  tape: Tape,
  names: BlockNames,
  layer: number,
  x: Tensor,
  parameters: BlockParameters,
  shape: BlockShape,
): (dx: Tensor) => void {
  const { rows, cols: width } = x;
  const { block: name } = names;
  const { epsilon, heads } = shape;
  const place = { layer, heads };
  const tensor = (what: string, cols: number) => tape.transient(what, rows, cols);

  const part = <T>(operator: string, work: () => T) => tape.builder.within({ operator }, work);

  const norm1 = part("layer norm", () => layerNorm(tape, names.norm1, x, parameters.norm1, epsilon, place));
  const qkv = tape.saved(`${name}.attn.qkv`, rows, 3 * width, { kind: "qkv", parts: 3, ...place });
  const split = part("linear", () => linear(tape, `${name}.attn.qkv`, norm1.y, parameters.qkv, qkv, place));
  const attend = part("attention", () => attention(tape, `${name}.attn`, qkv, shape, place));
  const project = part(
    "linear",
    () => linear(tape, `${name}.attn.proj`, attend.o, parameters.project, x, place, { residual: true }),
  );

  const norm2 = part("layer norm", () => layerNorm(tape, names.norm2, x, parameters.norm2, epsilon, place));
  const hidden = tape.saved(`${name}.mlp.gelu_input`, rows, 4 * width, { kind: "gelu", ...place });
  const widen = part(
    "linear",
    () => linear(tape, `${name}.mlp.widen`, norm2.y, parameters.widen, hidden, place),
  );
  const activate = part("gelu", () => gelu(tape, hidden, shape.gelu, place));
  const narrow = part(
    "linear",
    () => linear(tape, `${name}.mlp.narrow`, activate.y, parameters.narrow, x, place, { residual: true }),
  );

  return (dx) => {
    const dHidden = tensor("d gelu", 4 * width);
    part("linear", () => narrow(dx, dHidden));
    part("gelu", () => activate.backward(dHidden));
    const dNorm2 = tensor("d norm2", width);
    part("linear", () => widen(dHidden, dNorm2));
    part("layer norm", () => norm2.backward(dNorm2, dx));

    const dOut = tensor("d attention", width);
    part("linear", () => project(dx, dOut));
    const dQkv = tensor("d qkv", 3 * width);
    part("attention", () => attend.backward(dOut, dQkv));
    const dNorm1 = tensor("d norm1", width);
    part("linear", () => split(dQkv, dNorm1));
    part("layer norm", () => norm1.backward(dNorm1, dx));
  };
}
