import { UserError } from "../../src/errors.ts";
import { type StepChoices, stepDefaults } from "../../src/train/step_choices.ts";
import { Cell } from "../report/cell_rounds.ts";
import { crowding } from "../results/timed_alone.ts";
import { recordRemedy, type Report } from "../results/read_results.ts";
import { type CellConfiguration, type CellRecord, runtimeOf } from "../results/results.ts";

/** Whether two reports were made by turns, so that a round of one has its pair in the other. */
export function areInterleaved({ results: base }: Report, { results: own }: Report): boolean {
  const [one, other] = [base.header?.interleaved, own.header?.interleaved];
  return one !== undefined && one.run === other?.run && one.side !== other.side;
}

/** In what two reports differ that makes comparing them another question, each as a clause. */
export function differences(base: Report, own: Report): string[] {
  const told = ({ results: { records, versions } }: Report): [string, string[]][] => [
    ["adapters", distinct(records, ({ environment }) => environment.adapter)],
    ["drivers", distinct(records, ({ environment }) => environment.driver ?? "not told")],
    ["runtimes", distinct(records, ({ environment }) => runtimeOf(environment))],
    ...choiceNames.map(([choice, name]): [string, string[]] => [
      name,
      distinct(records, ({ configuration }) => String(choiceOf(configuration, choice))),
    ]),
    ["schema versions", versions.map(String)],
  ];
  const others = told(own);
  return told(base).flatMap(([name, values], index) => {
    const [one, other] = [values, others[index][1]].map((all) => all.toSorted().join(" and "));
    return one === other ? [] : [`${name} (${one}, ${other})`];
  });
}

/** Throws a UserError if reports hold no record, or are of different makings and nobody said that they may be. */
export function refuseIncomparable(base: Report, own: Report, across: boolean): void {
  for (const { folder, results } of [base, own]) {
    if (results.records.length === 0) {
      throw new UserError(
        `${folder} holds no record; ${recordRemedy(results)}, or name another folder`,
      );
    }
  }
  const found = differences(base, own);
  if (found.length === 0 || across) return;
  throw new UserError(
    `${base.folder} and ${own.folder} are of different ${
      found.join(" and ")
    }, so a difference would not be the program's; say --across to compare them all the same`,
  );
}

/** What a difference in each choice of a step is called. */
const choiceNames = Object.entries(
  {
    arithmetic: "arithmetics",
    accumulate: "numbers of micro-batches",
    parameters: "formats of weights",
    moments: "formats of moments",
    update: "updates",
    clipBy: "clippings",
    ranks: "numbers of ranks",
    spread: "spreads",
    sharding: "shardings",
  } satisfies Record<keyof StepChoices, string>,
) as [keyof StepChoices, string][];

const distinct = (records: readonly CellRecord[], value: (record: CellRecord) => string) => [
  ...new Set(records.map(value)),
];

/** The choices of a step of which one of these reports holds several: cells with different ones are different cells. */
export const mixedChoices = (reports: readonly Report[]): (keyof StepChoices)[] =>
  choiceNames.flatMap(([choice]) =>
    reports.some(({ results: { records } }) =>
        distinct(records, ({ configuration }) => String(choiceOf(configuration, choice))).length > 1
      )
      ? [choice]
      : []
  );

const choiceOf = (configuration: CellConfiguration, choice: keyof StepChoices) =>
  configuration[choice] ?? stepDefaults[choice];

/**
 * The cells of a report by what they are, in the order of their first record; without the one that ran once more at the end, and those in
 * which memory was re-invested, whose sizes and steps are what was found by plan and by measured speeds.
 */
export function cellsOf({ results }: Report, apart: readonly (keyof StepChoices)[]): Map<string, Cell> {
  /** What is the same cell in two reports, whatever variants of kernels it took and however long it was looked at. */
  const identityOf = (configuration: CellConfiguration): string => {
    const { model, modelDocument, sequence, batch, storage, kernels } = configuration;
    return JSON.stringify([
      ...[model, modelDocument ?? null, sequence, batch, storage, kernels ?? null],
      ...apart.map((choice) => choiceOf(configuration, choice)),
    ]);
  };
  const records = results.records.filter(({ configuration: { again, reinvested } }) => !again && !reinvested);
  const groups = Map.groupBy(records, ({ configuration }) => identityOf(configuration));
  const crowded = crowding(results.records);
  return new Map([...groups].map(([identity, members]) => [identity, new Cell(members, crowded)]));
}
