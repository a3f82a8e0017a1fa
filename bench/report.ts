import { compare } from "./cell_rounds.ts";
import { bytes } from "./format.ts";
import type { CellRecord } from "./results.ts";
import { failureTable, memoryTable, qualityTable, throughputTable } from "./tables.ts";

/** What a report says about the run beside its records. */
export interface Run {
  /** The command that repeats it. */
  command: string;
  started: Date;
  /** Child processes planned; fewer records than that mean an interrupted run, or cells given up after their first failure. */
  planned: number;
  interrupted: boolean;
  /** Pictures beside the report: file name and caption. */
  charts: { file: string; caption: string }[];
}

/** A titled table. */
export interface Section {
  title: string;
  table: string;
}

/** What every table of a software adapter is branded with. */
export const softwareBrand = "software adapter: not a performance result";

/** The tables of a run, those that have rows. A software adapter's carry their brand in the title. */
export function sections(records: readonly CellRecord[]): Section[] {
  const comparisons = compare(records);
  const brand = records.some((r) => r.environment.adapterClass === "software") ? ` (${softwareBrand})` : "";
  const tables: [string, string | null][] = [
    ["Memory", memoryTable(comparisons)],
    ["Throughput", throughputTable(comparisons)],
    ["Quality", qualityTable(comparisons)],
    ["What failed", failureTable(comparisons)],
  ];
  return tables.flatMap(([title, table]) => table === null ? [] : [{ title: title + brand, table }]);
}

/** The report of a run as markdown. Needs at least one record. */
export function renderReport(records: readonly CellRecord[], run: Run): string {
  const { environment, data, configuration } = records[0];
  const parts = [
    `# Headroom on ${environment.adapter}, ${run.started.toISOString().slice(0, 10)}`,
    howItWasMade(records, run),
    ...sections(records).flatMap(({ title, table }) => [`## ${title}`, table]),
    ...run.charts.map(({ file, caption }) => `![${caption}](${file})`),
    "## How to read it",
    howToRead,
    "## Environment",
    list({
      Adapter: `${environment.adapter} (${environment.adapterClass})`,
      Driver: environment.driver ?? "not told",
      Deno: environment.deno,
      System: environment.os,
      Processor: `${environment.cpu}, ${environment.cores} cores, ${bytes(environment.memoryBytes)}`,
      Text:
        `${data.name} (${data.digest}), ${data.trainTokens} tokens to train on, ${data.validationTokens} to validate`,
      Training:
        `AdamW, learning rate ${configuration.learningRate}, weight decay ${configuration.weightDecay}, ` +
        `${configuration.clipNorm ? `clipping at norm ${configuration.clipNorm}` : "no clipping"}, ` +
        `${configuration.rounding} rounding, ${configuration.ranges} ranges`,
    }),
  ];
  return parts.join("\n\n") + "\n";
}

function howItWasMade(records: readonly CellRecord[], run: Run): string {
  const { environment: { commit, dirty }, configuration } = records[0];
  const rounds = new Set(records.map((r) => r.configuration.round)).size;
  const clocks = [...new Set(records.flatMap((r) => r.timing?.clock ?? []))];
  const lines = [
    `Made by \`${run.command}\` on ${run.started.toISOString().replace(/\.\d+/, "")}, from ` +
    `${
      commit ? `commit ${commit.slice(0, 12)}${dirty ? " with uncommitted changes" : ""}` : "no git checkout"
    }, ` +
    `seed ${configuration.seed}. ${
      plural(records.length, "record")
    } in \`results.jsonl\`: each is one process that ran one cell ` +
    `for one of ${plural(rounds, "round")}, ${plural(configuration.warmupSteps, "step")} to warm up and ` +
    `${plural(configuration.timedSteps, "step")} timed${
      clocks.length ? ` by the ${clocks.join(" or ")} clock` : ""
    }.`,
  ];
  if (run.interrupted) {
    lines.push(`**Interrupted** after ${records.length} of ${plural(run.planned, "process", "processes")}.`);
  }
  return lines.join("\n\n");
}

const howToRead = list({
  tokens: "sequences × tokens of one step.",
  "saved activations":
    "what the storage policy keeps from forward to backward: blocks and the final LayerNorm.",
  "live peak": "the most bytes of tensors alive at one dispatch, weights and optimizer included.",
  buffers: "bytes of the buffers that hold those tensors.",
  driver: "growth of what the driver reports, its own context included; only where it can be asked.",
  step: "median over the timed steps of all rounds, ± their median absolute deviation.",
  speed:
    "against `exact`, median over rounds of the ratio within a round (smallest–largest); above 1 is faster.",
  "validation loss": "nats per token; knowing only how often each token occurs gives the unigram entropy.",
  "clipped values": "share of stored values outside the range that their policy expected, in the last step.",
  "(0.26×)": "the value as a multiple of `exact`'s.",
});

function list(entries: Record<string, string>): string {
  return Object.entries(entries).map(([name, text]) => `- **${name}**: ${text}`).join("\n");
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
