import { number } from "../../src/text/format.ts";
import type { CellRecord } from "../results/results.ts";
import { processName } from "../results/process_name.ts";
import { type Finding, finding } from "./finding.ts";

/** Whether what ranks did in a step took no longer than the step. */
export const checkRanks = (records: readonly CellRecord[]): Finding =>
  finding(records.flatMap(rankFaults), "no rank's part of a step takes longer than the step");

/**
 * What two clocks may disagree by in a step, as a share of it. Of the H200s' steps the parts together took 3.3% more at the most, which was what
 * they computed beside an exchange; of llvmpipe's on two busy cores 5.3%.
 */
const clockNoise = 0.05;

/**
 * Ranks whose computing and mapping, or whose mapping, transfer and writing, took longer than the step: only what is computed beside a transfer is
 * in both. Steps that share the time of a window are taken together.
 */
function rankFaults({ configuration, ranks = [], timing }: CellRecord): string[] {
  if (!timing) return [];
  const { clock, stepMilliseconds } = timing;
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const all = stepMilliseconds.map((_, i) => i);
  const spans = clock === "gpu" ? all.map((i) => [i]) : [all];
  return ranks.flatMap(({ exchanges }, rank) =>
    exchanges.length === 0 ? [] : spans.flatMap((steps) => {
      const took = (part: "compute" | "map" | "transfer" | "write") =>
        sum(steps.map((i) => exchanges[i]?.[part] ?? 0));
      const parts = took("map") + Math.max(took("compute"), took("transfer") + took("write"));
      const step = sum(steps.map((i) => stepMilliseconds[i]));
      const which = clock === "gpu" ? `step ${steps[0] + 1}` : "its steps together";
      return parts <= step * (1 + clockNoise) ? [] : [
        `${processName(configuration)} has parts of rank ${rank} that take ${
          number(parts)
        } ms of ${which}, which took ${number(step)} ms`,
      ];
    })
  );
}
