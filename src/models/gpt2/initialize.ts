import type { ParameterShape } from "../../nn/parameters.ts";
import { deviation } from "../shared/deviation.ts";
import type { Initial } from "../shared/initial.ts";
import type { Gpt2Config } from "./config.ts";

/**
 * What a parameter begins with: normal weights, those that write to the residual stream divided by √(2 · layers); biases 0; LayerNorm
 * scales 1.
 */
export function gpt2Initial(
  { name, role }: Pick<ParameterShape, "name" | "role">,
  { layers, width }: Pick<Gpt2Config, "layers" | "width">,
): Initial {
  if (name.endsWith(".bias")) return 0;
  if (role === "norm") return 1;
  const toStream = role === "projection" || role === "narrowing";
  return { deviation: toStream ? deviation(width) / Math.sqrt(2 * layers) : deviation(width) };
}
