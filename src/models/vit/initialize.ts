import type { ParameterShape } from "../../nn/parameters.ts";
import { deviation } from "../shared/deviation.ts";
import type { Initial } from "../shared/initial.ts";
import type { VitConfig } from "./config.ts";

/**
 * What a parameter begins with, as `timm` has it for DeiT: normal weights and positions, the class token close to 0, the patch projection
 * by its fan-in, biases 0, LayerNorm scales 1. The deviation is 0.02 at 768 channels and follows GPT-2's rule elsewhere.
 */
export function vitInitial(
  { name, role, rows }: Pick<ParameterShape, "name" | "role" | "rows">,
  { width }: Pick<VitConfig, "width">,
): Initial {
  if (name.endsWith(".bias")) return 0;
  if (role === "norm") return 1;
  if (name === "cls_token") return { deviation: 1e-6 };
  return { deviation: name === "patch_embed.proj.weight" ? 1 / Math.sqrt(3 * rows) : deviation(width) };
}
