import { trainDefaults } from "../src/train/options.ts";
import { type SweepOptions, usualSequence } from "./profiles.ts";
import type { CellConfiguration, CellMeasurement } from "./results.ts";

/** AdamW as the sweep uses it, the same for all cells: the sweep compares policies, not recipes. */
const { learningRate, weightDecay, clipNorm } = trainDefaults;

/** A model and the size of its step. */
export interface Shape {
  model: string;
  sequence: number;
  batch: number;
}

/** Every model at every sequence length (without any: its usual one) and batch size. */
export function shapes(
  models: readonly string[],
  sequences: readonly number[],
  batches: readonly number[],
): Shape[] {
  return models.flatMap((model) =>
    (sequences.length ? sequences : [usualSequence(model)]).flatMap((sequence) =>
      batches.map((batch) => ({ model, sequence, batch }))
    )
  );
}

/**
 * The processes of a sweep, in order: comparison by comparison, and within one the policies in turn, round by round (A B C, A B C, …), so
 * that what drifts meets all policies alike. Quality is measured in the first round only: seeds make it the same in all.
 */
export function planSweep(options: SweepOptions): CellConfiguration[] {
  const { policies, rounding, ranges, seed } = options;
  const rounds = Array.from({ length: options.rounds }, (_, round) => round);
  return shapes(options.models, options.sequences, options.batches).flatMap((shape) =>
    rounds.flatMap((round) =>
      policies.map((policy) => ({
        ...shape,
        ...{ policy, rounding, ranges, seed, learningRate, weightDecay, clipNorm },
        warmupSteps: options.warmup,
        timedSteps: options.steps,
        qualitySteps: round === 0 ? options.qualitySteps : 0,
        round,
      }))
    )
  );
}

/** What a sweep needs from outside. */
export interface SweepHost {
  /** Runs one cell in a process of its own; never throws for what the cell does. */
  run(cell: CellConfiguration): Promise<CellMeasurement>;
  /** Told before each process, with how many are behind. */
  starting?(cell: CellConfiguration, index: number): void;
  /** Told after each process. A rejection ends the sweep. */
  finished(
    cell: CellConfiguration,
    measurement: CellMeasurement,
    started: Date,
    seconds: number,
  ): Promise<void>;
  /** Ends the sweep; the cell under way is dropped. */
  signal: AbortSignal;
}

/** Runs the processes in order. A cell that did not end well is given up: its later rounds are skipped, the sweep goes on. */
export async function runSweep(cells: readonly CellConfiguration[], host: SweepHost): Promise<void> {
  const givenUp = new Set<string>();
  for (const [index, cell] of cells.entries()) {
    const key = `${cell.model} ${cell.sequence} ${cell.batch} ${cell.policy}`;
    if (givenUp.has(key)) continue;
    host.starting?.(cell, index);
    const started = new Date();
    const measurement = await host.run(cell);
    if (host.signal.aborted) return;
    await host.finished(cell, measurement, started, (Date.now() - started.getTime()) / 1000);
    if (measurement.status !== "ok") givenUp.add(key);
  }
}
