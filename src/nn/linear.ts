import { columnSums } from "../../kernels/shared/column_sums.ts";
import { matmul } from "../../kernels/products/matmul.ts";
import { readable, readableWeight } from "../../kernels/products/scaled_halves.ts";
import { plain } from "../gpu/operand.ts";
import type { SavedTensor } from "../storage/policy.ts";
import { type Layer, operator } from "./layer.ts";
import type { Parameter } from "./parameters.ts";
import type { Place } from "./tape.ts";

/** The parameters of y = x·W + b: W is in×out, b 1×out, or there is none. */
export interface LinearParameters {
  readonly weight: Parameter;
  readonly bias?: Parameter;
}

/** What is told of a linear layer besides its parameters. */
export interface LinearOptions extends Place {
  /** Its name in programs; of its output, too. */
  readonly name: string;
  /** What the next layer keeps its output as, if it does. */
  readonly output?: SavedTensor;
}

/** x·W + b (N×out). Backward reads x as it was kept. */
export function linear({ weight, bias }: LinearParameters, options: LinearOptions): Layer {
  const { name, output, layer, heads } = options;
  const parameters = bias ? [weight, bias] : [weight];
  return operator("linear", (tape, x, out) => {
    const { builder } = tape;
    const { exact, kept } = tape.input(x, { key: `${name} input`, kind: "linear", layer, heads });
    const [rows, width] = [exact.tensor.rows, weight.cols];
    const y = out?.tensor ??
      (output ? tape.tensor(name, rows, width, output) : tape.transient(name, rows, width));
    const scaling = tape.scaling(name, "forward");
    const a = readable(builder, exact, scaling, "a");
    matmul(builder, "nn", a, readableWeight(builder, weight.value, rows, scaling), y, {
      bias: bias?.value,
      accumulate: out?.add,
      scaling,
    });
    tape.uses(...parameters);
    return {
      y: { exact: plain(y) },
      backward: (dy, into) => {
        // The weights first: what they need of x can give its memory to dx.
        tape.gradients(parameters, (dWeight, dBias) => {
          const scaling = tape.scaling(`d ${name} weight`, "backward");
          matmul(builder, "tn", readable(builder, kept(), scaling, "a"), plain(dy), dWeight.tensor, {
            accumulate: dWeight.add,
            scaling,
          });
          if (dBias) columnSums(builder, plain(dy), dBias.tensor, dBias.add);
        });
        const dx = into?.tensor ?? tape.transient(`d ${name} input`, dy.rows, weight.rows);
        const scaling = tape.scaling(`d ${name} input`, "backward");
        matmul(builder, "nt", plain(dy), readableWeight(builder, weight.value, dy.rows, scaling), dx, {
          accumulate: into?.add,
          scaling,
        });
        return dx;
      },
    };
  });
}
