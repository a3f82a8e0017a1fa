/** What a sweep is told by options and a profile, and its cells, as far as no adapter and no data are needed for that. */

import type { Runtime } from "../../src/adapter/runtime.ts";
import { checkModel, type ModelConfig } from "../../src/models/model_config.ts";
import { refuseChoices } from "../../src/train/step_choices.ts";
import type { VariantOptions } from "../../src/tuning/tuned_variants.ts";
import { allWithStorageOptions, type StorageChoices } from "../options/options.ts";
import type { CellConfiguration } from "../results/results.ts";
import type { Shard, SweepHeader } from "../results/run_header.ts";
import { refuseUnreinvestable } from "../sweep/reinvest.ts";
import { chooseRounds } from "../sweep/stopping.ts";
import { planSweep } from "../sweep/sweep.ts";
import type { SweepOptions } from "../sweep/sweep_options.ts";
import { refuseIdle } from "../training/data.ts";
import { refuseBoundless, refuseSeveralRanks, refuseUndividable, refuseVaried } from "./refuse_sweep.ts";

/** What the user asked for. What is undefined, or an empty list, comes from the profile. */
export type BenchOptions =
  & { readonly [name in keyof Omit<SweepOptions, "sequences" | "batches">]?: SweepOptions[name] }
  & {
    profile?: string;
    readonly sequences?: readonly number[];
    readonly batches?: readonly number[];
    data?: string;
    images?: string;
    out?: string;
    requireGpu: boolean;
    runtime?: Runtime;
    /** Profile steps instead of sweeping. */
    profileStep: boolean;
    /** The document that told a part of this. */
    config?: SweepHeader["config"];
    /** Print a summary as JSON in place of tables. */
    json: boolean;
    /** The part of the sweep to run. */
    shard?: Shard;
    /** A folder of PyTorch's rows to stand beside a frontier. */
    peers?: string;
    /** A commit whose program runs the same cells by turns. */
    against?: string;
  }
  & VariantOptions
  & StorageChoices;

/**
 * What a sweep is told, and the cells that it has whatever is found by plan. Throws a UserError for options that contradict each other, or of
 * which one does nothing.
 */
export function toldSweep(
  options: BenchOptions,
  profile: SweepOptions,
): { all: SweepOptions; cells: CellConfiguration[] } {
  const all = withDefaults(options, profile);
  refuseVaried(options, profile);
  refuseSeveralRanks(all);
  refuseIdle(all.models, options);
  const cells = planSweep(all);
  refuseUndividable(all, cells, options);
  refuseBoundless(all);
  if (all.reinvest) refuseUnreinvestable({ ...all, variants: options.variants });
  return { all, cells };
}

/** Throws a UserError for a cell that cannot run, of a model as its data fit it. */
export function checkCell(cell: CellConfiguration, model: ModelConfig): void {
  refuseChoices(cell);
  checkModel(model, cell.sequence, cell.batch);
}

/** What options say, and the profile where they say nothing. */
export function withDefaults(options: BenchOptions, profile: SweepOptions): SweepOptions {
  const given = Object.entries(options).filter(([, value]) =>
    value !== undefined && (value as []).length !== 0
  );
  const { tokens, rounds, precision, maxTime, ...rest } = profile;
  const { rankCounts = [] } = options;
  const all: SweepOptions = {
    ...rest,
    ...!options.batches?.length && { tokens },
    ...Object.fromEntries(given),
    ...rankCounts.length === 1 && { ranks: rankCounts[0], rankCounts: undefined },
    ...chooseRounds(options, { rounds, precision, maxTime }),
  };
  const policies = allWithStorageOptions(all.policies, options);
  // Who says how long to train wants all models trained.
  const reinvest = all.reinvest && options.qualitySteps !== undefined ? { timedOnly: [] } : all.reinvest;
  return { ...all, policies, ...reinvest && { reinvest } };
}
