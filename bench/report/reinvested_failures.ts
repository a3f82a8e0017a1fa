/** What came to no end, or to no number, of runs in which memory was re-invested. */

import { unusual } from "../../src/train/step_choices.ts";
import { type CellRecord, ran, statusWords } from "../results/results.ts";
import { Cell } from "./cell_rounds.ts";
import type { InvestedArm } from "./reinvested.ts";
import type { Comparison } from "./side_by_side.ts";
import { list } from "./words.ts";

/** "timed out" of runs that all did; "timed out, 1 of 3 runs" where others came to their end; null where all did. */
export function failureWords(records: readonly CellRecord[]): string | null {
  const failed = records.filter((record) => !ran(record));
  if (failed.length === 0) return null;
  const status = list([...new Set(failed.map(({ status }) => statusWords[status]))]);
  return failed.length === records.length ? status : `${status}, ${failed.length} of ${records.length} runs`;
}

/** The first record of an arm that came to no end, by equal tokens or time, or else whose loss is no number; undefined without one. */
export function failureOf({ records: { tokens, time } }: InvestedArm): CellRecord | undefined {
  const all = [...tokens, ...time];
  return all.find((record) => !ran(record)) ?? new Cell(all).failure;
}

/** Runs in which memory was re-invested, each a comparison of its own: `failureTable` tells which of them did not end well. */
export function reinvestedRuns(records: readonly CellRecord[]): Comparison<Cell>[] {
  const groups = Map.groupBy(
    records.filter(({ configuration: { reinvested } }) => reinvested),
    ({ configuration: { reinvested, policy, model, sequence, batch } }) =>
      JSON.stringify([
        { ...reinvested, pace: reinvested!.pace !== undefined },
        policy,
        model,
        sequence,
        batch,
      ]),
  );
  return [...groups.values()].map((of) => {
    const { configuration } = of[0];
    const { policy, model, sequence, batch, reinvested } = configuration;
    const isTrained = of.some(({ configuration: { qualitySteps } }) => qualitySteps > 0);
    const equal = isTrained ? `, in equal ${reinvested!.pace ? "time" : "tokens"}` : "";
    return {
      ...{ model, sequence, batch, choices: unusual(configuration) },
      cells: new Map([[`${policy}${equal}`, new Cell(of)]]),
    };
  });
}
