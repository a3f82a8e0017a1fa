import { bytes, number } from "../../src/text/format.ts";
import { names } from "../report/side_by_side.ts";
import { sources } from "./making.ts";
import type { Reports } from "./reports.ts";
import { code, list } from "../report/words.ts";

/** Where `exact` runs out of memory and another policy trains. */
export function largeSection({ sweeps: { large } }: Reports): string | null {
  if (!large) return null;
  const found = large.comparisons.flatMap((comparison) => {
    const exact = comparison.cells.get("exact");
    const trained = [...comparison.cells.values()].filter((cell) =>
      !cell.failure && cell.memory && cell.step
    );
    if (exact?.failure?.status !== "oom" || !exact.memory || trained.length === 0) return [];
    const fits = trained.map((cell) =>
      `${code(cell.configuration.policy)} in ${bytes(cell.memory!.bufferBytes)}, ${
        number(cell.tokensPerSecond!)
      } tokens/s`
    );
    return [
      `GPT-2 ${
        names(comparison).join(", ")
      } tokens runs out of this card's memory under \`exact\`, whose buffers take ${
        bytes(exact.memory.bufferBytes)
      }, and trains under ${list(fits)}`,
    ];
  });
  return found.length ? `### Where a larger batch fits\n\n${found.join(". ")}.\n\n${sources(large)}` : null;
}
