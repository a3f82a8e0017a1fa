/** What more ranks would make of a step, by its plan and by what fewer of them were measured to take: nothing of it ran. */

import { markdownTable } from "markdown-table";
import { UserError } from "../../src/errors.ts";
import { bytesOf } from "../../src/gpu/pieces.ts";
import type { ModelConfig } from "../../src/models/families.ts";
import { bytes, number, ratio } from "../../src/text/format.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import { type CellRecord, runtimeOf } from "../results/results.ts";
import { mean } from "../statistics/statistics.ts";
import { trainOptions } from "../sweep/cell.ts";
import { plannedAdapters } from "../sweep/planned_adapters.ts";
import { type Cell, compare } from "./cell_rounds.ts";
import { timedExchanges } from "./ranks_table.ts";
import { names } from "./side_by_side.ts";
import { range } from "./words.ts";

/** Exchanges of a rank in a step, and the bytes that leave it in them. */
export interface Crossing {
  readonly ranks: number;
  readonly count: number;
  readonly bytes: number;
}

/** What a rank takes of a step, in milliseconds. */
export interface StepParts {
  readonly compute: number;
  readonly map: number;
  readonly transfer: number;
  readonly write: number;
  readonly step: number;
}

/** A step that is predicted: where each rank sends at the rate that it was measured at, and where all together do. */
export interface Predicted {
  readonly apart: StepParts;
  readonly together: StepParts;
}

/**
 * A step on other ranks than were measured. Computing divides by ranks; an exchange takes the milliseconds of mapping that one took; transfer and
 * writing have the measured rates: of each rank (`apart`), or, if the host's memory gives no more to many than to those, of all (`together`).
 * Nothing is hidden.
 */
export function predictStep(measured: Crossing & StepParts, { ranks, count, bytes }: Crossing): Predicted {
  const more = ranks / measured.ranks;
  const [compute, map] = [measured.compute / more, measured.map * count / measured.count];
  const at = (slower: number): StepParts => {
    const share = slower * bytes / measured.bytes;
    const [transfer, write] = [share * measured.transfer, share * measured.write];
    return { compute, map, transfer, write, step: compute + map + transfer + write };
  };
  return { apart: at(1), together: at(Math.max(1, more)) };
}

/** Means over ranks and steps of what a cell of several ranks took; null where it was not run by several, or its cards told no times. */
export function measuredStep(cell: Cell): Crossing & StepParts | null {
  const first = cell.records.find(({ ranks }) => ranks)?.ranks;
  const all = timedExchanges(cell);
  if (!first || all.length === 0 || all.some(({ compute }) => compute == null)) return null;
  const parts = ["count", "bytes", "compute", "map", "transfer", "write", "step"] as const;
  const means = parts.map((part) => [part, mean(all.map((each) => each[part]!))]);
  return { ranks: first.length, ...Object.fromEntries(means) };
}

/** What crosses by plan where so many ranks share a record's step: of the first, whose part is the largest. */
export function plannedCrossing(
  { configuration, architecture, environment }: CellRecord,
  ranks: number,
): Crossing {
  const model = { name: configuration.model, ...architecture } as ModelConfig;
  const { variants: _, ...cell } = configuration;
  const options = trainOptions({ ...cell, ranks }, { fit: () => model });
  const { builder } = plannedAdapters[runtimeOf(environment) === "dawn" ? "dawn" : "gpu"];
  const runs = configuration.accumulate ?? stepDefaults.accumulate;
  const exchanges = describeStep(options, builder).exchanges.map(({ leaves, microBatch }) => ({
    ...{ bytes: bytesOf(leaves), times: microBatch ? 1 : runs },
  }));
  return {
    ranks,
    count: exchanges.reduce((sum, { times }) => sum + times, 0),
    bytes: exchanges.reduce((sum, { bytes, times }) => sum + bytes * times, 0),
  };
}

/**
 * A marked table of the steps that several ranks shared, and of what other numbers of ranks would make of them, by `predictStep`. Throws a
 * UserError where no such step was timed.
 */
export function describePredictions(records: readonly CellRecord[], rankCounts: readonly number[]): string {
  const shared = compare(records).flatMap((comparison) =>
    [...comparison.cells].flatMap(([policy, cell]) => {
      const measured = measuredStep(cell);
      return measured ? [{ comparison, policy, cell, measured }] : [];
    })
  );
  if (shared.length === 0) {
    throw new UserError(
      "No step in it was shared by ranks whose cards told times, so nothing says what more of them would take; give a report of --ranks 2",
    );
  }
  const header = [
    "model",
    "tokens",
    "policy",
    "",
    "computing",
    "map",
    "transfer",
    "write",
    "step",
    "efficiency",
  ];
  const rows = shared.flatMap(({ comparison, policy, cell, measured }) => {
    const row = (ranks: number, what: string, ...ends: StepParts[]) => [
      ...names({ ...comparison, choices: { ...comparison.choices, ranks } }),
      ...[policy, what, ...parts.map((part) => range(ends.map((end) => end[part]), time))],
      range(ends.map(({ step }) => measured.step * measured.ranks / (step * ranks)), ratio),
    ];
    return [
      row(measured.ranks, "measured", measured),
      ...rankCounts.map((ranks) => {
        const { apart, together } = predictStep(measured, plannedCrossing(cell.records[0], ranks));
        return row(ranks, "**predicted**", apart, together);
      }),
    ];
  });
  const table = markdownTable([header, ...rows], { align: ["l", "r", "l", "l", ...Array(6).fill("r")] });
  const others = shared.flatMap(({ comparison, cell, measured }) => {
    const now = plannedCrossing(cell.records[0], measured.ranks);
    return now.count === measured.count && now.bytes === measured.bytes ? [] : [
      `**${names(comparison).join(", ")}** was measured with ${measured.count} exchanges of ${
        bytes(measured.bytes)
      } ` +
      `a rank and step, and has ${now.count} of ${
        bytes(now.bytes)
      } now: the rates are those of another way to send.`,
    ];
  });
  return [
    table,
    "**Predicted**: by plan and the rates measured, of no run. Computing divides by ranks, each exchange is mapped as long as one was, and bytes, " +
    "as many as the plan counts, move at the rate of each rank measured, or, at the other end of a range, of all of them together, as if the host's " +
    "memory gave no more to many. **Efficiency**: speed as a multiple of that of so many ranks, each as fast as one of those measured.",
    "Not modelled: ranks that wait for the slowest, kernels of smaller shapes, what is hidden behind backward, several hosts.",
    ...others,
  ].join("\n\n");
}

const parts = ["compute", "map", "transfer", "write", "step"] as const;

/** "47.6 s" */
const time = (milliseconds: number) =>
  milliseconds < 1000 ? `${number(milliseconds)} ms` : `${number(milliseconds / 1000)} s`;
