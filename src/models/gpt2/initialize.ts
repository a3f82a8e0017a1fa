import { Random } from "../../data/random.ts";
import type { ParameterShape } from "../../nn/parameters.ts";
import { deviation } from "../shared/deviation.ts";
import type { Gpt2Config } from "./config.ts";

/**
 * Initial values of a parameter, rows×cols: normal weights, those that write to the residual stream divided by √(2 · layers); biases 0;
 * LayerNorm scales 1. Each parameter draws from a stream of its own, so sizes elsewhere do not change it.
 */
export function gpt2InitialValues(
  { name, role, rows, cols }: ParameterShape,
  { layers, width }: Pick<Gpt2Config, "layers" | "width">,
  seed: number,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(rows * cols);
  if (name.endsWith(".bias")) return values;
  if (role === "norm") return values.fill(1);
  const toStream = role === "projection" || role === "narrowing";
  const scale = toStream ? deviation(width) / Math.sqrt(2 * layers) : deviation(width);
  const random = Random.for(seed, name);
  for (let i = 0; i < values.length; i++) values[i] = scale * random.normal();
  return values;
}
