import { parseMatmulKey } from "../../kernels/products/matmul_choice.ts";
import type { BuilderOptions, Variants } from "../gpu/builder.ts";
import { tuningCase } from "./tuning_case.ts";

/**
 * Other variants than those that a program took, which compute the same in another order, so that sums round otherwise. A product in one
 * part is cut in two, one in several into half as many, which is nearly as fast; of other kernels the next likeliest variant is taken.
 * Kernels without another variant on this adapter are left out.
 */
export function otherVariants(taken: Variants, adapter: BuilderOptions): Variants {
  return Object.fromEntries(
    Object.entries(taken).flatMap(([key, name]) => {
      const other = parseMatmulKey(key)
        ? otherwiseCut(name)
        : nextOf(tuningCase(key, adapter).candidates, name);
      return other === undefined ? [] : [[key, other]];
    }),
  );
}

/** Tiles alone do not change a sum: every variant adds along the contraction in order. */
function otherwiseCut(name: string): string {
  const [variant, parts] = name.split("/");
  if (parts === undefined) return `${variant}/2`;
  const fewer = Math.ceil(Number(parts) / 2);
  return fewer > 1 ? `${variant}/${fewer}` : variant;
}

function nextOf(candidates: readonly string[], name: string): string | undefined {
  return candidates.find((candidate) => candidate !== name);
}
