import { parseMatmulKey } from "../../kernels/products/matmul_choice.ts";
import { mostSplits } from "../../kernels/products/matmul_table.ts";
import type { BuilderOptions, Variants } from "../gpu/builder.ts";
import { tuningCase } from "./tuning_case.ts";

/**
 * Other variants than those that a program took, which compute the same in another order, so that sums round otherwise. A product is cut
 * into one part more, which is nearly as fast; of other kernels the next likeliest variant is taken. Kernels without another variant on this
 * adapter are left out.
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
  const [variant, parts = "1"] = name.split("/");
  return `${variant}/${Number(parts) < mostSplits ? Number(parts) + 1 : mostSplits - 1}`;
}

function nextOf(candidates: readonly string[], name: string): string | undefined {
  return candidates.find((candidate) => candidate !== name);
}
