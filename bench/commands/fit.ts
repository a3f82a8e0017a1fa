import { command, type InferValue, message, object } from "@optique/core";
import { z } from "zod";
import { adapterChoice, askForAdapter } from "../../src/adapter/adapter.ts";
import { isFetched } from "../../src/adapter/dawn_package.ts";
import { currentRuntime, useRuntime } from "../../src/adapter/runtime.ts";
import { refuseArithmetic } from "../../src/gpu/arithmetic.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { printJson } from "../../src/text/print_json.ts";
import { Progress } from "../../src/text/progress.ts";
import { byRanks, type StepChoices, stepDefaults, unusual } from "../../src/train/step_choices.ts";
import { Interruption } from "../machine/interruption.ts";
import { version } from "../machine/version.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import {
  adapterOptions,
  allWithStorageOptions,
  flag,
  jsonOption,
  maybe,
  rankListOptions,
  several,
  stepOptions,
  storageOptions,
  sweepOptions,
  timeoutOption,
} from "../options/options.ts";
import { refuseUnused } from "../options/unused.ts";
import { size, word } from "../options/value_parsers.ts";
import { idleRules, type RuledStep } from "../plan/planned_steps.ts";
import { describeFits, type FitRow, fits, rowOf } from "../report/fit_tables.ts";
import { printable } from "../report/terminal.ts";
import { type Budget, budgetOfCard, told, usualBudgets } from "../sweep/budget.ts";
import { dimensions, type Fit, FitSearch } from "../sweep/fit.ts";
import { openSteps } from "../sweep/open_steps.ts";
import { plannedAdapterNames, plannedFor } from "../sweep/planned_adapters.ts";
import { profiles } from "../sweep/profiles.ts";
import { prove } from "../sweep/prove.ts";
import { type Look, lookAtAdapter, type TrialHost, tryInChild } from "../sweep/trials.ts";
import { refuseIdle } from "../training/data.ts";
import { usualTimeout } from "./run_bench.ts";

const { tokens: _, ...swept } = sweepOptions({
  model: "nano",
  batch: "1, where it is not looked for",
  policy: profiles.long("gpu").policies.map(({ name }) => name).join(", "),
});

const options = object({
  ...swept,
  ...storageOptions,
  ...stepOptions,
  ...rankListOptions,
  largest: maybe(
    "--largest",
    word("SIZE", dimensions),
    message`What is looked for: the largest ${"batch"}, ${"sequence"}, ${"depth"} or ${"width"}; left out, the sequence where --batch is given and --sequence is not, else the batch`,
  ),
  keepPositions: flag(
    "--keep-positions",
    message`End at the model's positions; left out, a longer sequence is of a model with as many as it needs`,
  ),
  memory: several(
    "--memory",
    size,
    message`Bytes that a step's buffers may take, as in ${"24GiB"}, or several, as in ${"8GiB,24GiB"}; left out, what is free on the card`,
  ),
  adapter: maybe(
    "--adapter",
    word("ADAPTER", plannedAdapterNames),
    message`The kind of adapters that is planned for where none is asked; left out, gpu, or what --runtime says`,
  ),
  prove: flag(
    "--prove",
    message`Show on the adapter at hand that each answer trains, and that the next size does not fit`,
  ),
  timeout: timeoutOption,
  ...adapterOptions,
  json: jsonOption,
});
const brief = message`Find the largest batch, sequence, depth or width that fits in memory`;

type Options = InferValue<typeof options>;

export const fit = command("fit", options, { brief }).map((o) => async () => {
  const models = o.models.length ? o.models : [modelConfig("nano")];
  const given = o.policies.length ? o.policies : profiles.long("gpu").policies;
  const policies = allWithStorageOptions(given, o);
  refuseIdle(models, { sequences: o.sequences });
  const steps = byRanks<StepChoices>(o, o.rankCounts).flatMap((own) =>
    openSteps({ ...o, models, policies, choices: unusual(own) })
  );
  if (o.memory.length > 0 && !o.prove) {
    refuseUnused("--memory, for which no adapter is asked without --prove", {
      requireGpu: o.requireGpu,
      timeout: o.timeout,
    }, []);
  }
  if (o.prove) {
    refuseUnused(
      "--prove, which asks the adapter at hand",
      { adapter: o.adapter, rankCounts: o.rankCounts },
      [],
    );
  }
  const interruption = new Interruption();
  const host = {
    requireGpu: o.requireGpu,
    timeoutSeconds: o.timeout ?? usualTimeout,
    signal: interruption.signal,
  };
  try {
    const { look, builder, title, budgets } = await meansOf(o, host);
    const progress = new Search(steps.length);
    const rows: FitRow[] = [];
    const answered: RuledStep[] = [];
    for (const [i, step] of steps.entries()) {
      const search = new FitSearch(step, builder);
      for (const budget of budgets) {
        if (interruption.code !== null) break;
        progress.begin(i, `${step.model.name} ${step.policy.name}`, o.prove);
        const planned = await unlessInterrupted(interruption, search, budget.bytes);
        if (!planned) break;
        const { fit, proof } = o.prove
          ? await prove(search, budget.bytes, planned, {
            attempt: (trial) => tryInChild(host, trial),
            real: budget.source !== "option",
          })
          : { fit: planned, proof: undefined };
        if (interruption.code !== null) break;
        rows.push(rowOf(search, budget, fit, look, proof));
        if (!fit.answer) continue;
        answered.push({ options: step, description: { idleRules: search.idleRules(fit.answer.size) } });
      }
      progress.end(i);
    }
    progress.clear();
    if (o.json) printJson(rows satisfies z.infer<typeof fits>);
    else if (rows.length > 0) {
      console.log(describeFits(rows, builder, title));
      if (o.prove) console.log(`\n${await proved()}`);
    }
    for (const note of idleRules(answered)) {
      if (o.json) console.error(note);
      else console.log(`\n${printable(note)}`);
    }
    if (interruption.code !== null) {
      const all = steps.length * budgets.length;
      console.error(`Interrupted after ${rows.length} of ${all} answers: run the command again`);
      return interruption.code;
    }
    return rows.every(({ proof }) => proof?.proved ?? true) ? 0 : 1;
  } finally {
    interruption.stop();
  }
});

/** "Proved on 2026-01-31 by Headroom 0.1.0 (commit 0123456789ab)": what stays with what is printed. */
const proved = async () =>
  `Proved on ${new Date().toISOString().slice(0, 10)} by Headroom ${await version()}`;

/** What fits by plan; null where the search was asked to end. */
async function unlessInterrupted(
  interruption: Interruption,
  search: FitSearch,
  budget: number,
): Promise<Fit | null> {
  try {
    return await search.largestIn(budget, interruption.signal);
  } catch (error) {
    if (interruption.code === null) throw error;
    return null;
  }
}

/** The adapter that is planned for, opened once where there is one at hand, and the budgets. */
async function meansOf(
  o: Options,
  host: TrialHost,
): Promise<{ look?: Look; builder: BuilderOptions; title: string; budgets: Budget[] }> {
  const budgets = o.memory.map(told);
  const runtime = o.runtime ?? (o.adapter ? undefined : currentRuntime());
  const typical = plannedFor({ adapter: o.adapter, runtime });
  const { arithmetic = stepDefaults.arithmetic } = o;
  if (!o.prove && (budgets.length > 0 || !o.requireGpu && (o.adapter || !await hasCard(o)))) {
    refuseArithmetic(arithmetic, typical.builder);
    if (budgets.length === 0 && !o.adapter) {
      console.error("No card is at hand: here is what fits on usual ones");
    }
    return { ...typical, budgets: budgets.length > 0 ? budgets : usualBudgets.map(told) };
  }
  await ensureAdapterEnvironment(o);
  const look = await lookAtAdapter(host);
  refuseArithmetic(arithmetic, look.builder);
  return {
    look,
    builder: look.builder,
    title: look.adapter,
    budgets: budgets.length > 0 ? budgets : [await budgetOfCard(look, host)],
  };
}

/** Whether a hardware GPU answers, and may; fetches and loads nothing for the answer. */
async function hasCard({ runtime }: Options): Promise<boolean> {
  if (runtime) useRuntime(runtime);
  const choice = adapterChoice();
  if (choice === "llvmpipe" || choice === "swiftshader") return false;
  if (currentRuntime() === "dawn" && !await isFetched()) return false;
  return (await askForAdapter("gpu"))?.report.class === "gpu";
}

/** A line of progress for what takes longer than a person waits. */
class Search {
  static readonly patience = 2000;
  readonly #progress: Progress;
  readonly #started = performance.now();
  #begun = this.#started;
  #last = -1;

  constructor(steps: number) {
    this.#progress = new Progress(Array(steps).fill("step"));
  }

  begin(step: number, label: string, atOnce: boolean): void {
    if (step === this.#last) return;
    [this.#last, this.#begun] = [step, performance.now()];
    if (atOnce || this.#begun - this.#started > Search.patience) this.#progress.begin(step, label);
  }

  end(step: number): void {
    this.#progress.end(step, (performance.now() - this.#begun) / 1000);
  }

  clear(): void {
    this.#progress.clear();
  }
}
