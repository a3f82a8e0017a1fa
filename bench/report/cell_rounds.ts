import { type ModelConfig, parameterCount } from "../../src/models/model_config.ts";
import type { CellConfiguration, CellRecord, PieceSizes } from "../results/results.ts";
import { stepByRound } from "../results/step_by_round.ts";
import { type Crowding, crowding } from "../results/timed_alone.ts";
import type { Comparison } from "./side_by_side.ts";
import { type PairedRatio, pairedRatio } from "../statistics/paired_ratio.ts";
import { stepDefaults, unusual } from "../../src/train/step_choices.ts";
import { median, summarize, type Summary } from "../statistics/statistics.ts";

/** What one training run left. */
export type Quality = NonNullable<CellRecord["quality"]>;

/** The rounds of one cell: repetitions, of which the first train for quality, each from a seed of its own. */
export class Cell {
  /** @param crowded processes whose times do not count, of this cell and of others */
  constructor(readonly records: readonly CellRecord[], readonly crowded: Crowding = new Map()) {}

  get configuration(): CellConfiguration {
    return this.records[0].configuration;
  }

  /** The first record that did not end well; undefined if all did. */
  get failure(): CellRecord | undefined {
    return this.records.find((r) => r.status !== "ok");
  }

  /** Memory is a matter of the plan, so every round has the same; a cell out of memory still knows its plan. */
  get memory() {
    return this.records.find((r) => r.memory)?.memory ?? null;
  }

  /**
   * The driver's figure is measured, of all programs on the card, so the median of what was measured alone counts; not a growth by less than the
   * cell's own buffers, which tells that another's memory went meanwhile. (Of a rank's some lie in the host's memory, where they are exchanged.)
   */
  get driverBytes(): number | null {
    const values = this.#alone.flatMap(({ memory, ranks }) =>
      memory?.driverBytes && (ranks || memory.driverBytes >= memory.bufferBytes) ? [memory.driverBytes] : []
    );
    return values.length ? median(values) : null;
  }

  /** What the training runs left, by their seed. */
  get qualities(): ReadonlyMap<number, Quality> {
    return new Map(
      this.records.flatMap((r) => r.quality ? [[r.configuration.seed, r.quality] as const] : []),
    );
  }

  /** The training runs that `base` made too: from the same seed, so with the same weights at first and the same data. */
  pairedQualities(base: Cell): { own: Quality; base: Quality }[] {
    const others = base.qualities;
    return [...this.qualities].flatMap(([seed, own]) => {
      const other = others.get(seed);
      return other ? [{ own, base: other }] : [];
    });
  }

  /** Numbers that it trains. */
  get parameters(): number {
    const { configuration: { model: name }, architecture } = this.records[0];
    return parameterCount({ name, ...architecture } as ModelConfig);
  }

  /** Dispatches of a step, the same in every round. */
  get dispatches(): number | null {
    return this.records.find((r) => r.program)?.program?.dispatchesPerStep ?? null;
  }

  /** Tokens of a piece of MLP and head, where the policy takes mini-sequences. */
  get pieces(): PieceSizes | null {
    return this.records.find((r) => r.program)?.program?.pieces ?? null;
  }

  get #alone(): CellRecord[] {
    return this.records.filter((record) => !this.crowded.has(record));
  }

  /** Milliseconds of a step, over the steps of all rounds that were timed alone. */
  get step(): Summary | null {
    return summarize(this.#alone.flatMap((r) => r.timing?.stepMilliseconds ?? []));
  }

  /** Sequences of a step, those of all its micro-batches together. */
  get #sequences(): number {
    const { batch, accumulate = stepDefaults.accumulate } = this.configuration;
    return accumulate * batch;
  }

  get tokensPerSecond(): number | null {
    return this.step && 1000 * this.#sequences * this.configuration.sequence / this.step.median;
  }

  /** Null also where no images are looked at; one sequence is an image. */
  get imagesPerSecond(): number | null {
    if (this.records[0].data.kind !== "images") return null;
    return this.step && 1000 * this.#sequences / this.step.median;
  }

  /** Speed as a multiple of `base`'s, round by round. */
  speedAgainst(base: Cell): PairedRatio | null {
    return pairedRatio(base.stepByRound, this.stepByRound);
  }

  /** Median milliseconds of a step in each round that was timed alone. */
  get stepByRound(): ReadonlyMap<number, number> {
    return stepByRound(this.#alone);
  }

  /** Milliseconds of the reference's works in each round that timed them. */
  get referenceByRound(): ReadonlyMap<number, Readonly<Record<string, number>>> {
    return new Map(
      this.records.flatMap((r) => r.timing?.reference ? [[r.configuration.round, r.timing.reference]] : []),
    );
  }
}

/** The records of all cells of comparisons. */
export const recordsOf = (comparisons: readonly Comparison<Cell>[]): CellRecord[] =>
  comparisons.flatMap(({ cells }) => [...cells.values()].flatMap(({ records }) => records));

/** Comparisons without the null of chaos, which stores as `exact` does and is no policy to choose. */
export function withoutNull(comparisons: readonly Comparison<Cell>[]): Comparison<Cell>[] {
  const isPolicy = ([, cell]: [string, Cell]) => cell.configuration.kernels !== "other";
  return comparisons.map(({ cells, ...rest }) => ({ ...rest, cells: new Map([...cells].filter(isPolicy)) }));
}

/** What may differ within a comparison: the policy, its kernels, and what depends on them or on the round. */
const varying = [
  "policy",
  "storage",
  "variants",
  "kernels",
  "arithmetic",
  "beside",
  "round",
  "seed",
  "qualitySteps",
  "gradientEvery",
  "schedule",
];

/** The choices of the comparison that a cell is in: its own, unless it is there because of others. */
const choicesBeside = (configuration: CellConfiguration) => unusual(configuration.beside ?? configuration);

const noChoices = Object.fromEntries(Object.keys(stepDefaults).map((choice) => [choice, undefined]));

/**
 * Groups records into comparisons, in the order of their first appearance. A cell that was run once more at the end, for drift, is in none:
 * no other policy ran beside it. Nor is one in which memory was re-invested, or that trained for another's time: `reinvested.ts` compares it.
 * Times of processes that shared their card do not count.
 */
export function compare(records: readonly CellRecord[]): Comparison<Cell>[] {
  const groups = Map.groupBy(
    records.filter(({ configuration: { again, reinvested } }) => !again && !reinvested),
    ({ configuration }) =>
      JSON.stringify(
        [choicesBeside(configuration), { ...configuration, ...noChoices }],
        (key, value) => varying.includes(key) ? undefined : value,
      ),
  );
  const crowded = crowding(records);
  return [...groups.values()].map((members) => {
    const { model, sequence, batch } = members[0].configuration;
    const cells = Map.groupBy(members, (r) => r.configuration.policy);
    return {
      model,
      sequence,
      batch,
      choices: choicesBeside(members[0].configuration),
      cells: new Map([...cells].map(([policy, rs]) => [policy, new Cell(rs, crowded)])),
    };
  });
}
