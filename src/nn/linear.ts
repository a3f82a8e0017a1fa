import { columnSums } from "../../kernels/shared/column_sums.ts";
import { cheapToRead } from "../../kernels/shared/materialize.ts";
import { matmul } from "../../kernels/products/matmul.ts";
import { plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Parameter } from "./parameters.ts";
import type { Activation, Place, Tape } from "./tape.ts";

/** The parameters of y = x·W + b: W is in×out, b 1×out. */
export interface LinearParameters {
  readonly weight: Parameter;
  readonly bias: Parameter;
}

/** Emits the parameters' gradients from dy (N×out) and, where asked for, dx (N×in) = dy·Wᵀ. */
export type LinearBackward = (dy: Tensor, dx?: Tensor) => void;

/** Emits y (N×out) = x·W + b, or y += with `residual`. Backward reads x as it was kept. */
export function linear(
  tape: Tape,
  name: string,
  x: Activation,
  { weight, bias }: LinearParameters,
  y: Tensor,
  place: Place,
  { residual = false } = {},
): LinearBackward {
  const { builder } = tape;
  const { exact, kept } = tape.input(`${name} input`, x, { kind: "linear", ...place });
  matmul(builder, "nn", cheapToRead(builder, exact), plain(weight.value), y, {
    bias: bias.value,
    accumulate: residual,
  });
  return (dy, dx) => {
    // The weights first: what they need of x can give its memory to dx.
    matmul(builder, "tn", cheapToRead(builder, kept), plain(dy), weight.gradient, {
      accumulate: tape.adds(weight),
    });
    columnSums(builder, plain(dy), bias.gradient, tape.adds(bias));
    if (dx) matmul(builder, "nt", plain(dy), plain(weight.value), dx);
  };
}
