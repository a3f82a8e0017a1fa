import { remembered } from "../../kernels/shared/remembered.ts";
import { type BuilderOptions, builderOptionsFor } from "../../src/gpu/builder.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { checkModel, type ModelConfig } from "../../src/models/model_config.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { runInChild } from "../sweep/child.ts";
import { describeEnvironment, driverBytesInUse } from "../machine/environment.ts";
import { dataKey, loadData, refuseIdle, type TrainingData } from "../training/data.ts";
import { withStorageOptions } from "../options/options.ts";
import { defaultProfile, profiles } from "../sweep/profiles.ts";
import { Progress } from "../../src/text/progress.ts";
import { sections } from "../report/report.ts";
import { createReportFolder, removeIfEmpty } from "../report/report_folder.ts";
import {
  appendRecord,
  type CellConfiguration,
  type CellRecord,
  modelOf,
  schemaVersion,
} from "../results/results.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { profileNote, profileStep, renderProfile } from "../kernels/step_profile.ts";
import { GrowingLengths } from "../sweep/growing_lengths.ts";
import { planStep } from "../sweep/planned_step.ts";
import { planSweep, runSweep } from "../sweep/sweep.ts";
import type { SweepOptions } from "../sweep/sweep_options.ts";
import { withVariants } from "../sweep/cell_variants.ts";
import type { VariantOptions } from "../../src/tuning/tuned_variants.ts";
import { writeReport } from "../report/write_report.ts";

/** What the user asked for. What is undefined, or an empty list, comes from the profile. */
export type BenchOptions =
  & { readonly [name in keyof SweepOptions]?: SweepOptions[name] }
  & {
    profile?: string;
    data?: string;
    images?: string;
    out?: string;
    /** Seconds for one process. */
    timeout?: number;
    /** Profile steps instead of sweeping. */
    requireGpu: boolean;
    profileStep: boolean;
  }
  & VariantOptions
  & Parameters<typeof withStorageOptions>[1];

/**
 * Runs a sweep, leaves a report and prints its tables. Returns the exit code: 1 if a cell failed otherwise than by running out of memory,
 * 130 after an interrupt, which keeps what was finished.
 */
export async function runBench(options: BenchOptions): Promise<number> {
  const started = new Date();
  const adapter = await ensureAdapterEnvironment(options);
  const profile = profiles[options.profile ?? defaultProfile(adapter)](adapter.class);
  const all = withDefaults(options, profile);
  refuseIdle(all.models, options);
  const planned = planSweep(all);
  const dataOf = await loadAll(planned, options);
  for (const cell of planned) checkCell(cell, dataOf(cell));
  const builder = await builderOptions(options);
  const planOf = remembered((model: ModelConfig, sequence: number, batch: number, policy: PolicyDocument) =>
    planStep({ model, sequence, batch, policy, seed: 0 }, builder, all.memory)
  );
  const plan = (cell: CellConfiguration) =>
    planOf(dataOf(cell).fit(modelOf(cell)), cell.sequence, cell.batch, cell.storage);
  const fitting = planned.filter((cell) => plan(cell).refusal === null);
  const tuned = await withVariants(fitting, dataOf, adapter, options);
  const cells = planned.map((cell) => tuned[fitting.indexOf(cell)] ?? cell);
  const environment = await describeEnvironment(adapter);
  if (options.profileStep) return await profileSteps(cells, dataOf, options, adapter.slug, started);
  const askDriver = await driverBytesInUse() !== null;
  const folder = await createReportFolder(options.out, adapter.slug, started);

  const records: CellRecord[] = [];
  const progress = new Progress(cells.map((cell) => `${nameOf(cell)} ${cell.qualitySteps}`));
  const interruption = listenForInterrupt();
  const text = options.data ? null : await writeTemporary(cells.map(dataOf));
  const child = {
    dataPath: text ?? options.data,
    imagesPath: options.images,
    requireGpu: options.requireGpu,
    askDriver,
    timeoutSeconds: options.timeout ?? 600,
    signal: interruption.signal,
  };
  try {
    await runSweep(cells, {
      signal: interruption.signal,
      run: (cell) => runInChild(cell, child),
      plan,
      starting: (cell, index) => progress.begin(index, `${nameOf(cell)}, round ${cell.round + 1}`),
      async finished(configuration, measurement, start, seconds) {
        progress.end(cells.indexOf(configuration), seconds);
        const data = dataOf(configuration);
        const { name: _, ...architecture } = data.fit(modelOf(configuration));
        const record: CellRecord = {
          schema: schemaVersion,
          started: start.toISOString(),
          seconds,
          configuration,
          architecture,
          environment,
          data: data.report,
          ...measurement,
        };
        records.push(record);
        await appendRecord(folder.results, record);
      },
    }, all.growing ? new GrowingLengths() : undefined);
  } finally {
    progress.clear();
    interruption.ignore();
    if (text) await Deno.remove(text);
  }

  const interrupted = interruption.signal.aborted;
  if (records.length === 0) {
    await removeIfEmpty(folder);
    console.error("Interrupted before the first cell was finished");
    return 130;
  }
  await writeReport(folder.path, records, {
    command: commandLine(),
    started,
    planned: cells.length,
    interrupted,
  });
  for (const { title, table } of sections(records)) console.log(`\n${title}\n\n${table}`);
  console.log(`\n${interrupted ? "Interrupted; what is finished" : "The report"} is in ${folder.path}`);
  if (interrupted) return 130;
  return records.some(({ status }) => status === "error" || status === "timeout") ? 1 : 0;
}

/** Profiles a step of each cell, prints the tables and leaves them with the raw times. Returns the exit code. */
async function profileSteps(
  cells: readonly CellConfiguration[],
  dataOf: (cell: CellConfiguration) => TrainingData,
  { out }: BenchOptions,
  slug: string,
  started: Date,
): Promise<number> {
  const folder = await createReportFolder(out, `${slug}-profile`, started);
  const tables: string[] = [];
  for (const cell of cells.filter(({ round }) => round === 0)) {
    const profile = await profileStep(cell, dataOf(cell));
    await Deno.writeTextFile(folder.results, JSON.stringify(profile) + "\n", { append: true });
    tables.push(renderProfile(profile));
    console.log(`\n${tables.at(-1)}`);
  }
  const title = `# Where a step's time goes\n\nMade by \`${commandLine()}\`. ${profileNote}`;
  await Deno.writeTextFile(`${folder.path}/report.md`, [title, ...tables].join("\n\n") + "\n");
  console.log(`\nThe profile is in ${folder.path}`);
  return 0;
}

function withDefaults(options: BenchOptions, profile: SweepOptions): SweepOptions {
  const given = Object.entries(options).filter(([, value]) =>
    value !== undefined && (value as []).length !== 0
  );
  const all: SweepOptions = { ...profile, ...Object.fromEntries(given) };
  const policies = all.policies.map((document) => withStorageOptions(document, options));
  return { ...all, policies };
}

/** What programs must know of the adapter on which cells will run. */
async function builderOptions(options: BenchOptions): Promise<BuilderOptions> {
  const gpu = await openGpu(options);
  gpu.destroy();
  return builderOptionsFor(gpu);
}

/** The data of every model of a sweep, each read once. */
async function loadAll(cells: readonly CellConfiguration[], paths: BenchOptions) {
  const keyOf = (cell: CellConfiguration) => dataKey(modelOf(cell));
  const loaded = new Map<string, TrainingData>();
  for (const cell of cells) {
    const key = keyOf(cell);
    if (!loaded.has(key)) loaded.set(key, await loadData(modelOf(cell), paths));
  }
  return (cell: CellConfiguration) => loaded.get(keyOf(cell))!;
}

/** Throws a UserError for a cell that cannot run, before any has. */
function checkCell(cell: CellConfiguration, data: TrainingData): void {
  const model = data.fit(modelOf(cell));
  checkModel(model, cell.sequence, cell.batch);
  data.check(model, cell);
}

/** The text, if there is one, as a file, which a cell's process may read: it may not run `deno types` itself. */
async function writeTemporary(all: readonly TrainingData[]): Promise<string | undefined> {
  const corpus = all.find((data) => data.corpus)?.corpus;
  if (!corpus) return undefined;
  const path = await Deno.makeTempFile({ prefix: "headroom-", suffix: ".txt" });
  await Deno.writeFile(path, Uint8Array.from([...corpus.train, ...corpus.validation]));
  return path;
}

/** Turns the first Ctrl-C into an abort; the second ends the program at once. */
function listenForInterrupt(): { signal: AbortSignal; ignore(): void } {
  const controller = new AbortController();
  const ignore = () => Deno.removeSignalListener("SIGINT", interrupt);
  const interrupt = () => {
    controller.abort();
    ignore();
  };
  Deno.addSignalListener("SIGINT", interrupt);
  return { signal: controller.signal, ignore };
}

const nameOf = ({ model, batch, sequence, policy }: CellConfiguration) =>
  `${model} ${batch} × ${sequence} ${policy}`;

function commandLine(): string {
  return ["deno task", ...Deno.args.map((word) => /^[\w./,=:-]+$/.test(word) ? word : `'${word}'`)].join(" ");
}
