import { columnSumsWithProduct } from "../../kernels/shared/column_sums.ts";
import { layerNormBackward, layerNormForward } from "../../kernels/norms/layer_norm.ts";
import { affine, type Operand, plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Parameter } from "./parameters.ts";
import type { Activation, Place, Tape } from "./tape.ts";

/** Scale and shift of a LayerNorm, 1×C each. */
export interface LayerNormParameters {
  readonly gamma: Parameter;
  readonly beta: Parameter;
}

/** Emits the parameters' gradients from dy (N×C), and dx += (or =, where `replace`) the input's. */
export type LayerNormBackward = (dy: Tensor, dx: Tensor, options?: { replace?: boolean }) => void;

/**
 * Emits the LayerNorm of x (N×C). What is saved is the normalised row, before scale and shift, once for this operator's backward and the
 * next linear layer's; neither x nor the output is kept. Without a `place` the row is kept exactly, whatever the policy.
 */
export function layerNorm(
  tape: Tape,
  name: string,
  x: Tensor,
  { gamma, beta }: LayerNormParameters,
  epsilon: number,
  place?: Place,
): { y: Activation; backward: LayerNormBackward } {
  const { builder } = tape;
  const saved = place && { kind: "layer_norm" as const, ...place };
  const normalized = saved ? tape.saved(name, x.rows, x.cols, saved) : exactly(tape, name, x);
  const rstd = tape.statistic(`${name} rstd`, x.rows, 1);
  layerNormForward(builder, x, normalized, rstd, epsilon);
  const kept = saved ? tape.save(normalized, saved) : plain(normalized);
  const scaled = (operand: Operand) => affine(operand, gamma.value, beta.value);
  const sums = (parameter: Parameter) => ({ out: parameter.gradient, accumulate: tape.adds(parameter) });
  return {
    y: { exact: scaled(plain(normalized)), kept: scaled(kept) },
    backward(dy, dx, { replace = false } = {}) {
      columnSumsWithProduct(builder, plain(dy), kept, sums(gamma), sums(beta));
      layerNormBackward(builder, dy, kept, rstd, gamma.value, dx, !replace);
    },
  };
}

function exactly(tape: Tape, name: string, x: Tensor): Tensor {
  return tape.builder.tensor(name, x.rows, x.cols, { category: tape.savings ? "saved" : "transient" });
}
