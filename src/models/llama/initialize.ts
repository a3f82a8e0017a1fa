import type { ParameterShape } from "../../nn/parameters.ts";
import { deviation } from "../shared/deviation.ts";
import type { Initial } from "../shared/initial.ts";
import type { LlamaConfig } from "./config.ts";

/** What a parameter begins with: normal weights, those that write to the residual stream divided by √(2 · layers); RMSNorm scales 1. */
export function llamaInitial(
  { role }: Pick<ParameterShape, "role">,
  { layers, width }: Pick<LlamaConfig, "layers" | "width">,
): Initial {
  if (role === "norm") return 1;
  const toStream = role === "projection" || role === "narrowing";
  return { deviation: toStream ? deviation(width) / Math.sqrt(2 * layers) : deviation(width) };
}
