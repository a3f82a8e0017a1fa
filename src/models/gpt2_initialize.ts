import { Random } from "../data/random.ts";
import type { ParameterShape } from "../nn/parameters.ts";

/** Standard deviation of GPT-2's initial weights (Radford et al. 2019). */
const deviation = 0.02;

/**
 * Initial values of a parameter, rows×cols: normal weights, those that write to the residual stream divided by √(2 · layers); biases 0;
 * LayerNorm scales 1. Each parameter draws from a stream of its own, so sizes elsewhere do not change it.
 */
export function gpt2InitialValues(
  { name, rows, cols }: ParameterShape,
  layers: number,
  seed: number,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(rows * cols);
  if (name.endsWith(".bias")) return values;
  if (/\.ln_\w+\.weight$/.test(name)) return values.fill(1);
  const scale = name.endsWith(".c_proj.weight") ? deviation / Math.sqrt(2 * layers) : deviation;
  const random = Random.for(seed, name);
  for (let i = 0; i < values.length; i++) values[i] = scale * random.normal();
  return values;
}
