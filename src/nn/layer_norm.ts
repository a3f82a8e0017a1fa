import { columnSumsWithProduct } from "../../kernels/shared/column_sums.ts";
import { layerNormBackward, layerNormForward } from "../../kernels/norms/layer_norm.ts";
import { affine, type Operand, plain } from "../gpu/operand.ts";
import { type Layer, operator } from "./layer.ts";
import type { Parameter } from "./parameters.ts";
import type { Place } from "./tape.ts";

/** Scale and shift of a LayerNorm, 1×C each. */
export interface LayerNormParameters {
  readonly gamma: Parameter;
  readonly beta: Parameter;
}

/** What is told of a LayerNorm besides its parameters. */
export interface LayerNormOptions {
  readonly name: string;
  readonly epsilon: number;
  /** Without one, the rows are kept exactly, whatever the policy. */
  readonly place?: Place;
}

/**
 * The LayerNorm of x (N×C). What is kept is the normalised row, before scale and shift, once for this operator's backward and the next
 * linear layer's; neither x nor the output is. Backward takes the place of the output's gradient unless told where to write.
 */
export function layerNorm({ gamma, beta }: LayerNormParameters, options: LayerNormOptions): Layer {
  const { name, epsilon, place } = options;
  return operator("layer norm", (tape, { exact: { tensor: x } }) => {
    const { builder } = tape;
    const saved = place && { kind: "layer_norm" as const, ...place };
    const normalized = saved ? tape.tensor(name, x.rows, x.cols, saved) : tape.exactly(name, x.rows, x.cols);
    const rstd = tape.exactly(`${name} rstd`, x.rows, 1, 1);
    layerNormForward(builder, x, normalized, rstd, epsilon);
    const kept = saved ? tape.keep(normalized, { key: name, ...saved }) : () => plain(normalized);
    const scaled = (operand: Operand) => affine(operand, gamma.value, beta.value);
    tape.uses(gamma, beta);
    return {
      y: { exact: scaled(plain(normalized)), kept: () => scaled(kept()) },
      backward: (dy, into = { tensor: dy, add: false }) => {
        tape.gradients([gamma, beta], (dGamma, dBeta) => {
          columnSumsWithProduct(
            builder,
            plain(dy),
            kept(),
            { out: dGamma.tensor, accumulate: dGamma.add },
            { out: dBeta.tensor, accumulate: dBeta.add },
          );
        });
        layerNormBackward(builder, dy, kept(), rstd, gamma.value, into.tensor, into.add);
        return into.tensor;
      },
    };
  });
}
