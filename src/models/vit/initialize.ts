import { Random } from "../../data/random.ts";
import type { ParameterShape } from "../../nn/parameters.ts";
import { deviation } from "../shared/deviation.ts";
import type { VitConfig } from "./config.ts";

/**
 * Initial values of a parameter, rows×cols, as `timm` draws them for DeiT: normal weights and positions, the class token close to 0, the
 * patch projection by its fan-in, biases 0, LayerNorm scales 1. The deviation is 0.02 at 768 channels and follows GPT-2's rule elsewhere.
 * Each parameter draws from a stream of its own.
 */
export function vitInitialValues(
  { name, role, rows, cols }: ParameterShape,
  { width }: Pick<VitConfig, "width">,
  seed: number,
): Float32Array<ArrayBuffer> {
  const values = new Float32Array(rows * cols);
  if (name.endsWith(".bias")) return values;
  if (role === "norm") return values.fill(1);
  const scale = name === "cls_token"
    ? 1e-6
    : name === "patch_embed.proj.weight"
    ? 1 / Math.sqrt(3 * rows)
    : deviation(width);
  const random = Random.for(seed, name);
  for (let i = 0; i < values.length; i++) values[i] = scale * random.normal();
  return values;
}
