import { checkVocabulary, type Corpus, loadCorpus, requireLength } from "../src/data/corpus.ts";
import { unigramEntropy } from "../src/data/entropy.ts";
import { checkGpt2, gpt2Config } from "../src/models/gpt2_config.ts";
import { runInChild } from "./child.ts";
import { describeEnvironment, driverBytesInUse } from "./environment.ts";
import { defaultProfile, profiles, type SweepOptions } from "./profiles.ts";
import { Progress } from "./progress.ts";
import { renderReport, type Run, sections } from "./report.ts";
import { createReportFolder, removeIfEmpty } from "./report_folder.ts";
import {
  appendRecord,
  type CellConfiguration,
  type CellRecord,
  type DataReport,
  schemaVersion,
} from "./results.ts";
import { ensureAdapterEnvironment } from "./start.ts";
import { planSweep, runSweep } from "./sweep.ts";

/** What the user asked for. What is undefined, or an empty list, comes from the profile. */
export type BenchOptions = { readonly [name in keyof SweepOptions]?: SweepOptions[name] } & {
  profile?: string;
  data?: string;
  out?: string;
  /** Seconds for one process. */
  timeout?: number;
  requireGpu: boolean;
};

/**
 * Runs a sweep, leaves a report and prints its tables. Returns the exit code: 1 if a cell failed otherwise than by running out of memory,
 * 130 after an interrupt, which keeps what was finished.
 */
export async function runBench(options: BenchOptions): Promise<number> {
  const started = new Date();
  const adapter = await ensureAdapterEnvironment(options);
  const cells = planSweep(withDefaults(options, profiles[options.profile ?? defaultProfile(adapter)]));
  const corpus = await loadCorpus({ path: options.data });
  for (const cell of cells) checkCell(cell, corpus);
  const environment = await describeEnvironment(adapter);
  const data = describeData(corpus);
  const askDriver = await driverBytesInUse() !== null;
  const folder = await createReportFolder(options.out, adapter.slug, started);

  const records: CellRecord[] = [];
  const progress = new Progress(cells.map((cell) => `${nameOf(cell)} ${cell.qualitySteps}`));
  const interruption = listenForInterrupt();
  const text = options.data ? null : await writeTemporary(corpus);
  const child = {
    dataPath: text ?? options.data!,
    requireGpu: options.requireGpu,
    askDriver,
    timeoutSeconds: options.timeout ?? 600,
    signal: interruption.signal,
  };
  try {
    await runSweep(cells, {
      signal: interruption.signal,
      run: (cell) => runInChild(cell, child),
      starting: (cell, index) => progress.begin(index, `${nameOf(cell)}, round ${cell.round + 1}`),
      async finished(configuration, measurement, start, seconds) {
        progress.end(cells.indexOf(configuration), seconds);
        const { name: _, ...architecture } = gpt2Config(configuration.model);
        const record: CellRecord = {
          ...{ schema: schemaVersion, started: start.toISOString(), seconds },
          ...{ configuration, architecture, environment, data },
          ...measurement,
        };
        records.push(record);
        await appendRecord(folder.results, record);
      },
    });
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

/** Leaves the report and its pictures in the folder of the records. */
async function writeReport(path: string, records: CellRecord[], run: Omit<Run, "charts">): Promise<void> {
  const { drawCharts } = await import("./chart.ts"); // loads Vega, which nothing else needs
  const charts = await drawCharts(records);
  for (const { file, svg } of charts) await Deno.writeTextFile(`${path}/${file}`, svg);
  await Deno.writeTextFile(`${path}/report.md`, renderReport(records, { ...run, charts }));
}

function withDefaults(options: BenchOptions, profile: SweepOptions): SweepOptions {
  const given = Object.entries(options).filter(([, value]) =>
    value !== undefined && (value as []).length !== 0
  );
  return { ...profile, ...Object.fromEntries(given) };
}

/** Throws a UserError for a cell that cannot run, before any has. */
function checkCell({ model, sequence }: CellConfiguration, corpus: Corpus): void {
  const config = gpt2Config(model);
  checkGpt2(config, sequence);
  if (corpus.vocab > config.vocab) checkVocabulary(corpus, config.vocab);
  requireLength(corpus, sequence);
}

function describeData({ name, digest, vocab, train, validation }: Corpus): DataReport {
  const tokens = { trainTokens: train.length, validationTokens: validation.length };
  return { name, digest, ...tokens, unigramEntropy: unigramEntropy(validation, vocab) };
}

/** The text as a file, which a cell's process may read: it may not run `deno types` itself. */
async function writeTemporary({ train, validation }: Corpus): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "headroom-", suffix: ".txt" });
  await Deno.writeFile(path, Uint8Array.from([...train, ...validation]));
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
