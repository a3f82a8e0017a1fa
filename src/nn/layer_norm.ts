import { columnSums, columnSumsWithProduct } from "../../kernels/shared/column_sums.ts";
import { layerNormBackward, layerNormForward, type NormKind } from "../../kernels/norms/layer_norm.ts";
import { affine, type Operand, plain, times } from "../gpu/operand.ts";
import { type Layer, operator } from "./layer.ts";
import type { Parameter } from "./parameters.ts";
import type { Place } from "./tape.ts";

/** Scale and shift of a LayerNorm, 1×C each; an RMSNorm has a scale alone. */
export interface LayerNormParameters {
  readonly gamma: Parameter;
  readonly beta?: Parameter;
}

/** What is told of a norm besides its parameters. */
export interface LayerNormOptions {
  readonly name: string;
  readonly epsilon: number;
  /** A LayerNorm if left out. */
  readonly kind?: NormKind;
  /** Without one, the rows are kept exactly, whatever the policy. */
  readonly place?: Place;
}

/** What profiles call them. */
const operators = { layer: "layer norm", rms: "RMS norm" } as const;

/**
 * The LayerNorm or RMSNorm of x (N×C). What is kept is the normalised row, before scale and shift, once for this operator's backward and the next
 * linear layer's; neither x nor the output is. Backward takes the place of the output's gradient unless told where to write.
 */
export function layerNorm({ gamma, beta }: LayerNormParameters, options: LayerNormOptions): Layer {
  const { name, epsilon, place, kind = "layer" } = options;
  const parameters = beta ? [gamma, beta] : [gamma];
  return operator(operators[kind], (tape, input) => {
    const { builder } = tape;
    const x = tape.tensorOf(input, `${name} input`);
    const saved = place && { kind: "layer_norm" as const, ...place };
    const normalized = saved ? tape.tensor(name, x.rows, x.cols, saved) : tape.exactly(name, x.rows, x.cols);
    const rstd = tape.exactly(`${name} rstd`, x.rows, 1, 1);
    layerNormForward(builder, x, normalized, rstd, epsilon, kind);
    const kept = saved ? tape.keep(normalized, { key: name, ...saved }) : () => plain(normalized);
    const scaled = (operand: Operand) => affine(operand, gamma.value, beta?.value);
    tape.uses(...parameters);
    return {
      y: { exact: scaled(plain(normalized)), kept: () => scaled(kept()) },
      backward: (dy, into = { tensor: dy, add: false }) => {
        tape.gradients(parameters, (dGamma, dBeta) => {
          if (!dBeta) return columnSums(builder, times(plain(dy), kept()), dGamma.tensor, dGamma.add);
          columnSumsWithProduct(
            builder,
            plain(dy),
            kept(),
            { out: dGamma.tensor, accumulate: dGamma.add },
            { out: dBeta.tensor, accumulate: dBeta.add },
          );
        });
        layerNormBackward(builder, dy, kept(), rstd, gamma.value, into.tensor, into.add, kind);
        return into.tensor;
      },
    };
  });
}
