import { UserError } from "../../src/errors.ts";
import { type AdapterReport, folderSlug } from "../../src/adapter/adapter.ts";
import type { Runtime } from "../../src/adapter/runtime.ts";
import {
  type BuilderOptions,
  builderOptionsFor,
  ProgramBuilder,
  type ProgramDescription,
} from "../../src/gpu/builder.ts";
import { pipelineFor } from "../../src/gpu/pipelines.ts";
import { type Gpu, withGpu } from "../../src/gpu/device.ts";
import { median } from "../statistics/statistics.ts";
import { checkModel, type ModelConfig, modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { loadData, type TrainingData } from "../training/data.ts";
import { describeRun } from "../machine/run.ts";
import { OperandScales } from "../../src/gpu/operand_scales.ts";
import { replaceText } from "../../src/io/files.ts";
import { attentionCases } from "./attention_cases.ts";
import { runBackToBack, withCase } from "./case_program.ts";
import { type CaseSizes, type KernelCase, kernelCases, productCases } from "./kernel_cases.ts";
import { printJson } from "../../src/text/print_json.ts";
import { Progress } from "../../src/text/progress.ts";
import { createReportFolder } from "../report/report_folder.ts";
import { modelOf } from "../results/results.ts";
import { ResultsFile } from "../results/results_file.ts";
import type { TimesHeader } from "../results/run_header.ts";
import { kernelFiles, type KernelTime } from "./kernel_report.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { profileStep } from "./step_profile.ts";
import { summarizeTimes } from "./times_summary.ts";
import { planSweep } from "../sweep/sweep.ts";
import { withVariants } from "../sweep/cell_variants.ts";
import { unusual } from "../../src/train/step_choices.ts";
import { tune } from "../../src/tuning/tune.ts";
import type { VariantOptions } from "../../src/tuning/tuned_variants.ts";
import { readVariants } from "../../src/tuning/variants_file.ts";

/** Milliseconds for which a case runs on a GPU before it is timed, and between two waits: an idle card is slow at first. */
const warmUpMilliseconds = 300;
const betweenWaits = 30;
const repeats = 20;

/** Sizes for a GPU (working sets of 512 MiB and more), and for a software adapter. */
const caseSizes = (adapterClass: "gpu" | "software"): CaseSizes =>
  adapterClass === "gpu"
    ? { product: 4096, rows: 131072, cols: 1024 }
    : { product: 256, rows: 1024, cols: 256 };

/** What the user asked for; models and batch size come from the adapter if there are none. */
export interface KernelBenchOptions extends VariantOptions {
  readonly models: readonly ModelConfig[];
  readonly batches: readonly number[];
  readonly policies: readonly PolicyDocument[];
  readonly out?: string;
  readonly requireGpu: boolean;
  readonly runtime?: Runtime;
  readonly json: boolean;
}

/**
 * Times large products, streaming kernels, attention in its variants, and every product of the model presets' steps, each against the ceiling that the same run
 * measures; then every kernel of those steps as it runs in them. Prints the tables and leaves them with the raw times in a report folder.
 * Returns the exit code.
 */
export async function runKernelBench(options: KernelBenchOptions): Promise<number> {
  const started = new Date();
  const adapter = await ensureAdapterEnvironment(options);
  const standard = adapter.class === "gpu" ? ["micro", "mini", "small"] : ["nano"];
  const models = options.models.length ? options.models : standard.map(modelConfig);
  const batch = options.batches[0] ?? 4;
  const steps = await stepCells(models, batch, adapter, options);
  const waitMilliseconds = await withGpu(options, waitTime);
  const folder = await createReportFolder(options.out, `${folderSlug(adapter)}-kernels`, started);
  const header: TimesHeader = {
    ...await describeRun(adapter, started),
    kind: "kernels",
    ...unusual({ arithmetic: options.arithmetic }),
    waitMilliseconds,
  };
  const results = await ResultsFile.create(folder.results, header);
  // The report is written as far as it is known: a step that does not fit takes nothing with it.
  const write = async () => {
    const files = kernelFiles(results.text);
    await replaceText(`${folder.path}/report.md`, files["report.md"]);
    return files["report.md"];
  };
  await timeAll(models, batch, options, (time) => results.append(time));
  await write();
  for (const { cell, data } of steps) {
    await results.append(await profileStep(cell, data, options));
    await write();
  }
  const report = await write();
  if (options.json) printJson(summarizeTimes(folder.path, results.text));
  else console.log(`\n${report}\nThe report is in ${folder.path}`);
  results.close();
  return 0;
}

/** Times all cases, each recorded at once. */
async function timeAll(
  models: readonly ModelConfig[],
  batch: number,
  options: KernelBenchOptions,
  record: (time: KernelTime) => Promise<void>,
): Promise<void> {
  const given = options.variants ? readVariants(options.variants) : undefined;
  await withGpu(options, async (gpu) => {
    if (!gpu.timestamps) {
      throw new UserError("This adapter has no timestamps; run `bench kernels` on one that has");
    }
    const builder = { ...builderOptionsFor(gpu), arithmetic: options.arithmetic };
    const cases = [
      ...kernelCases(caseSizes(gpu.adapter.class), options.arithmetic),
      ...attentionCases({ ...builder, adapterClass: gpu.adapter.class }),
      ...models.flatMap((model) => productCases(model, batch, gpu)),
    ];
    const keys = cases.flatMap((one) => keysOf(builder, one));
    const variants = given ?? (options.noTune ? {} : await tune(gpu, keys, options.arithmetic));
    const progress = new Progress(cases.map(() => "case"));
    for (const [i, one] of cases.entries()) {
      await progress.during(
        i,
        one.name,
        async () => await record(await timeCase(gpu, one, { ...builder, variants })),
      );
    }
    progress.clear();
  });
}

/** A cell for each model's step, and its data. */
async function stepCells(
  models: readonly ModelConfig[],
  batch: number,
  adapter: AdapterReport,
  options: KernelBenchOptions,
) {
  const planned = planSweep({
    models: [...models],
    sequences: [],
    batches: [batch],
    steps: 1,
    warmup: 5,
    rounds: 1,
    policies: options.policies.length ? [...options.policies] : [policyDocument("mesa8")],
    qualitySteps: 0,
    seeds: 0,
    seed: 1,
    gradientEvery: 0,
    arithmetic: options.arithmetic,
  });
  for (const cell of planned) checkModel(modelOf(cell), cell.sequence, cell.batch);
  const dataOf = new Map<string, TrainingData>();
  for (const model of models) dataOf.set(model.name, await loadData(model, {}));
  const cells = await withVariants(planned, ({ model }) => dataOf.get(model)!, adapter, options);
  return cells.map((cell) => ({ cell, data: dataOf.get(cell.model)! }));
}

function build(options: BuilderOptions, given: KernelCase): ProgramDescription {
  const builder = new ProgramBuilder(given.name, { scales: new OperandScales(), ...options });
  given.emit(builder);
  return builder.build();
}

/** What a case asks its builder's variants for. */
const keysOf = (options: BuilderOptions, given: KernelCase) => Object.keys(build(options, given).variants);

/** Milliseconds in which the runtime and the driver compile those of a program's kernels that the device has not. */
async function compileTime(gpu: Gpu, { dispatches }: ProgramDescription): Promise<number> {
  const started = performance.now();
  await Promise.all(dispatches.map((dispatch) => pipelineFor(gpu, dispatch)));
  return performance.now() - started;
}

/** Milliseconds of a wait for a queue that has nothing to do: the median of twenty. */
async function waitTime({ device: { queue } }: Gpu): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < repeats; i++) {
    const started = performance.now();
    queue.submit([]);
    await queue.onSubmittedWorkDone();
    times.push(performance.now() - started);
  }
  return median(times);
}

async function timeCase(gpu: Gpu, given: KernelCase, options: BuilderOptions): Promise<KernelTime> {
  const anew = { ...gpu, pipelines: new Map() }; // whatever was compiled before in this process
  const compileMilliseconds = await compileTime(anew, build(options, given));
  return withCase(anew, given, options, async ({ program, description: { variants } }) => {
    // Back to back: a card that idles between runs lowers its clock, and a wait alone takes ten milliseconds.
    const warmUp = gpu.adapter.class === "gpu" ? warmUpMilliseconds : 0;
    let runs = 1;
    for (const started = performance.now(); performance.now() - started < warmUp;) {
      if (await runBackToBack(gpu, program, runs) < betweenWaits) runs *= 2;
    }
    for (let i = 0; i < runs; i++) program.run();
    const timed = await program.profile(repeats);
    const milliseconds = Array.from(
      { length: repeats },
      (_, i) => timed.reduce((sum, dispatch) => sum + dispatch.milliseconds[i], 0),
    );
    const { name, bound, work, ceiling = false } = given;
    const dispatches = timed.length;
    return { name, bound, ceiling, work, milliseconds, dispatches, variants, compileMilliseconds };
  });
}
