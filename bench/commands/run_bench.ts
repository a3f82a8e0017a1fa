import { remembered } from "../../kernels/shared/remembered.ts";
import { type AdapterReport, folderSlug } from "../../src/adapter/adapter.ts";
import { type BuilderOptions, builderOptionsFor } from "../../src/gpu/builder.ts";
import { withGpu } from "../../src/gpu/device.ts";
import type { ModelConfig } from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { type StepChoices, unusual } from "../../src/train/step_choices.ts";
import { usualTolerance } from "../compare/comparison.ts";
import { measureCard } from "../kernels/card.ts";
import { Interruption } from "../machine/interruption.ts";
import { describeRun } from "../machine/run.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { peerMarks } from "../report/peer_marks.ts";
import { createReportFolder } from "../report/report_folder.ts";
import { readResultsText } from "../results/read_results.ts";
import { type CellConfiguration, modelOf } from "../results/results.ts";
import { ResultsFile } from "../results/results_file.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { withOtherVariants, withVariants } from "../sweep/cell_variants.ts";
import { describeFitting, fittingSweep } from "../sweep/fitting_sweep.ts";
import { cellsOfShard } from "../sweep/shards.ts";
import { type PlannedStep, planStep } from "../sweep/planned_step.ts";
import { defaultProfile, glance, glanceSeconds, profiles } from "../sweep/profiles.ts";
import { requireRanks } from "../processes/on_ranks.ts";
import { stoppingOf, untilOf } from "../sweep/stopping.ts";
import { refuseBothSizes } from "../sweep/shapes.ts";
import { planSweep } from "../sweep/sweep.ts";
import type { SweepOptions } from "../sweep/sweep_options.ts";
import { dataKey, type DataPaths, loadData, type TrainingData, usedPaths } from "../training/data.ts";
import { planAhead } from "./plan_ahead.ts";
import { profileSteps } from "./profile_steps.ts";
import { planReinvestment } from "./reinvest.ts";
import { runAgainst } from "./run_against.ts";
import { runPlan } from "./run_plan.ts";
import { type BenchOptions, checkCell, toldSweep, withDefaults } from "./told_sweep.ts";

/** Seconds that one process may take. */
export const usualTimeout = 600;

/** Runs a sweep, leaves a report and prints its tables. Returns the exit code, as `runPlan` does. */
export async function runBench(options: BenchOptions): Promise<number> {
  const started = new Date();
  const adapter = await ensureAdapterEnvironment(options);
  refuseBothSizes(options);
  const profile = await profileOf(options, adapter);
  const { all, cells: told } = toldSweep(options, profile);
  const paths = usedPaths(all.models, all);
  const dataOf = await loadAll(told, paths);
  await requireRanks(told);
  const peers = options.peers === undefined
    ? undefined
    : peerMarks(await readResultsText(options.peers), told, adapter.name);
  const checkAll = (cells: readonly CellConfiguration[]) => {
    for (const cell of cells) {
      const model = dataOf(cell).fit(modelOf(cell));
      checkCell(cell, model);
      dataOf(cell).check(model, cell);
    }
  };
  checkAll(told);
  const builder = await builderOptions(options);
  const plan = planner(dataOf, builder, all.memory);
  const timeoutSeconds = all.timeout ?? usualTimeout;
  const reinvested = all.reinvest && !options.profileStep
    ? await planReinvestment(all, builder, {
      dataOf,
      plan,
      paths,
      requireGpu: options.requireGpu,
      timeoutSeconds,
    })
    : undefined;
  if (reinvested && "code" in reinvested) return reinvested.code;
  const { found, cells: planned } = options.profileStep
    ? { found: {}, cells: told }
    : reinvested ?? await planAhead(all, told, dataOf, builder, Boolean(options.sequences?.length));
  checkAll(planned);
  const own = options.shard ? cellsOfShard(planned, options.shard) : planned;
  const fitting = own.filter((cell) => plan(cell).refusal === null);
  // Another program has variants of its own, so each takes what its own table says.
  const noTune = options.noTune || all.untuned || options.against !== undefined;
  const chosen = await withVariants(fitting, dataOf, adapter, { ...options, noTune });
  const tuned = withOtherVariants(chosen, dataOf, builder);
  const cells = planned.map((cell) => tuned[fitting.indexOf(cell)] ?? cell);
  if (options.profileStep) return await profileSteps(cells, dataOf, options, adapter, started);
  const { config } = options;
  const header: SweepHeader = {
    ...await describeRun(adapter, started),
    kind: "sweep",
    data: [...new Set(cells.map((cell) => dataOf(cell).report))],
    paths,
    ...config && { config },
    requireGpu: options.requireGpu,
    growing: all.growing ?? false,
    memory: all.memory ?? null,
    ...found,
    ...peers && { peers },
    ...all.timeout !== undefined && { timeout: all.timeout },
    ...options.against === undefined && stoppingOf(all),
    ...options.shard && { shard: options.shard },
    cells,
  };
  const interruption = new Interruption();
  const host = {
    dataOf,
    plan,
    timeoutSeconds,
    interruption,
    json: options.json,
  };
  try {
    if (options.against !== undefined) {
      const { until } = untilOf(all, options.precision ?? usualTolerance);
      return await runAgainst(options.against, header, options.out, adapter, { ...host, until });
    }
    const folder = await createReportFolder(options.out, folderSlug(adapter), started);
    const results = await ResultsFile.create(folder.results, header);
    return await runPlan([{ folder: folder.path, header, results }], host);
  } finally {
    interruption.stop();
  }
}

/** What is taken where options say nothing: of a profile by name, of one that fits the card, or of the adapter's. */
async function profileOf(options: BenchOptions, adapter: AdapterReport): Promise<SweepOptions> {
  const { profile, models, sequences, batches, tokens, noTune, variants } = options;
  const sized = [models, sequences, batches].some((list) => list?.length) || tokens !== undefined;
  if (profile !== undefined || sized || options.profileStep || adapter.class === "software") {
    return profiles[profile ?? defaultProfile(adapter)](adapter.class);
  }
  const looks = withDefaults(options, glance);
  planSweep(looks); // refuses what would be too much on any card
  console.error("Looking at this card: a product, a copy, free memory");
  const card = await withGpu(options, measureCard);
  const memory = options.memory ?? card.memory;
  const fitting = fittingSweep({ ...card, memory }, looks, glanceSeconds, !noTune && variants === undefined);
  console.error(describeFitting({ ...card, memory }, looks, fitting));
  return { ...looks, models: fitting.models, batches: fitting.batches };
}

/** Plans each distinct step once. */
export function planner(
  dataOf: (cell: CellConfiguration) => TrainingData,
  builder: BuilderOptions,
  memory: number | undefined,
): (cell: CellConfiguration) => PlannedStep {
  const planOf = remembered(
    (
      model: ModelConfig,
      sequence: number,
      batch: number,
      policy: PolicyDocument,
      choices: StepChoices,
    ) => planStep({ model, sequence, batch, policy, ...choices, seed: 0 }, builder, memory),
  );
  return (cell) =>
    planOf(dataOf(cell).fit(modelOf(cell)), cell.sequence, cell.batch, cell.storage, unusual(cell));
}

/** What programs must know of the adapter on which cells will run. */
export async function builderOptions(options: { requireGpu: boolean }): Promise<BuilderOptions> {
  return await withGpu(options, (gpu) => Promise.resolve(builderOptionsFor(gpu)));
}

/**
 * The data of every model of a sweep, each read once; with what is known of them without a network, where one is trained for quality: of what
 * the first of these is validated on, for one number is told of the data.
 */
export async function loadAll(cells: readonly CellConfiguration[], paths: DataPaths) {
  const keyOf = (cell: CellConfiguration) => dataKey(modelOf(cell));
  const loaded = new Map<string, TrainingData>();
  for (const cell of cells) {
    const key = keyOf(cell);
    if (!loaded.has(key)) loaded.set(key, await loadData(modelOf(cell), paths));
    const data = loaded.get(key)!;
    if (cell.qualitySteps > 0 && !data.report.baseline) {
      const baseline = data.baseline({ ...cell, reference: cell.reinvested?.batch });
      loaded.set(key, { ...data, report: { ...data.report, baseline } });
    }
  }
  return (cell: CellConfiguration) => loaded.get(keyOf(cell))!;
}
