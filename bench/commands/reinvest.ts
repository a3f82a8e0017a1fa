import { locateImages, locateText } from "../../src/data/named_data.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { plural } from "../../src/text/format.ts";
import { Progress } from "../../src/text/progress.ts";
import { Interruption } from "../machine/interruption.ts";
import type { CellConfiguration } from "../results/results.ts";
import { processName } from "../results/process_name.ts";
import { median } from "../statistics/statistics.ts";
import { runInChild } from "../sweep/child.ts";
import { Outcomes } from "../sweep/outcomes.ts";
import type { PlannedStep } from "../sweep/planned_step.ts";
import { type Arm, budgets, type Reinvesting } from "../sweep/reinvest.ts";
import { planReinvested, trains } from "../sweep/reinvested_cells.ts";
import { runSweep } from "../sweep/run_sweep.ts";
import type { Shape } from "../sweep/shapes.ts";
import { planSweep } from "../sweep/sweep.ts";
import type { SweepOptions } from "../sweep/sweep_options.ts";
import { builtInText, type DataPaths, type TrainingData } from "../training/data.ts";
import type { PlannedAhead } from "./plan_ahead.ts";

/** What steps are timed with before the sweep. */
export interface PaceHost {
  dataOf(cell: CellConfiguration): TrainingData;
  plan(cell: CellConfiguration): PlannedStep;
  readonly paths: DataPaths;
  readonly requireGpu: boolean;
  readonly timeoutSeconds: number;
}

/** Rounds of timing before the sweep: one in either order of the arms. */
const paceRounds = 2;

/**
 * Plans a sweep over what `exact`'s memory affords: looks for it by plan, then, where arms are trained for the time that `exact` takes, times
 * the steps of each, which says how many those are. Returns the exit code instead if a signal ends that.
 */
export async function planReinvestment(
  options: SweepOptions,
  builder: BuilderOptions,
  host: PaceHost,
): Promise<PlannedAhead | { code: number }> {
  console.error("Looking for what `exact`'s memory affords, by plan");
  // A model of images has as many classes as they have, which its plan must know.
  const fitted = options.models.map((model) =>
    host.dataOf(planSweep({ ...options, models: [model] })[0]).fit(model)
  );
  const all = await budgets({ ...options, models: fitted }, builder);
  const paces = await measurePaces(options, all, { ...host, adapterClass: builder.adapterClass });
  if (typeof paces === "number") return { code: paces };
  const paceOf = (arm: Arm, { arms: [exact] }: Reinvesting) => {
    const [own, base] = [arm, exact].map((arm) => paces.get(keyOf(arm, arm.policy.name)));
    return own === undefined || base === undefined ? undefined : { exact: base, own };
  };
  return { cells: planReinvested(options, all, paceOf), found: { reinvest: all.map(({ found }) => found) } };
}

const keyOf = (
  { model, sequence, batch }: Omit<Shape, "model"> & { model: string | Shape["model"] },
  policy: string,
) => JSON.stringify([typeof model === "string" ? model : model.name, sequence, batch, policy]);

/** Median milliseconds of a step of each arm that is trained; the exit code if a signal ends it. */
async function measurePaces(
  options: SweepOptions,
  all: readonly Reinvesting[],
  { dataOf, plan, paths: told, requireGpu, timeoutSeconds, adapterClass }:
    & PaceHost
    & Pick<BuilderOptions, "adapterClass">,
): Promise<Map<string, number> | number> {
  const trained = all.map((budget) => ({
    ...budget,
    arms: budget.arms.filter((arm) => trains(arm, budget, options)),
  })).filter(({ arms }) => arms.length > 1);
  if (trained.length === 0) return new Map();
  const cells = planReinvested({ ...options, rounds: paceRounds, qualitySteps: 0 }, trained, () => undefined);
  const paths = { data: await locateText(told.data), images: await locateImages(told.images) };
  const text = paths.data === undefined ? builtInText(cells.map(dataOf)) : undefined;
  console.error(`Timing steps before the sweep, in ${plural(cells.length, "process", "processes")}`);
  const progress = new Progress(cells.map(({ model, batch }) => `${model} ${batch}`), "about");
  const times = new Map<string, number[]>();
  const failures = new Map<string, string>();
  const interruption = new Interruption();
  const { signal } = interruption;
  try {
    await runSweep(cells, {
      signal,
      adapterClass,
      plan,
      run: (configuration) =>
        runInChild({ configuration, paths, requireGpu, text }, { askDriver: false, timeoutSeconds, signal }),
      starting: (cell, index) => progress.begin(index, processName(cell)),
      finished(cell, { measurement: { timing, message } }, _, seconds) {
        progress.end(cells.indexOf(cell), seconds);
        const key = keyOf(cell, cell.policy);
        if (timing) times.set(key, [...times.get(key) ?? [], ...timing.stepMilliseconds]);
        else failures.set(key, `${processName(cell)} (${message})`);
        return Promise.resolve();
      },
    }, new Outcomes({ growing: false }));
  } finally {
    interruption.stop();
    progress.clear();
  }
  if (interruption.code !== null) {
    console.error("\nInterrupted before the sweep began: run the command again");
    return interruption.code;
  }
  const untimed = [...failures].flatMap(([key, told]) => times.has(key) ? [] : [told]);
  if (untimed.length > 0) {
    console.error(`Not timed, and so not trained for as long as \`exact\`: ${untimed.join("; ")}`);
  }
  return new Map([...times].map(([key, milliseconds]) => [key, median(milliseconds)]));
}
