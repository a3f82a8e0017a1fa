import type { ParameterShape } from "../../nn/parameters.ts";
import { deviation } from "./deviation.ts";
import type { Initial } from "./initial.ts";

/**
 * What a parameter of a model that continues texts begins with: normal weights, those that write to the residual stream divided by
 * √(2 · layers) (Radford et al. 2019); biases 0; the scales of norms 1.
 */
export function decoderInitial(
  { name, role }: Pick<ParameterShape, "name" | "role">,
  { layers, width }: { readonly layers: number; readonly width: number },
): Initial {
  if (name.endsWith(".bias")) return 0;
  if (role === "norm") return 1;
  const toStream = role === "projection" || role === "narrowing";
  return { deviation: toStream ? deviation(width) / Math.sqrt(2 * layers) : deviation(width) };
}
