import { answers } from "./answers.ts";
import { type Cell, compare } from "./cell_rounds.ts";
import {
  describeData,
  describeModels,
  describePolicies,
  describeTraining,
  describeVariants,
} from "./describe_run.ts";
import { bytes, namedList, plural } from "../../src/text/format.ts";
import { type StepChoices, stepDefaults } from "../../src/train/step_choices.ts";
import { commandCode } from "./command.ts";
import { frontierSection, plannedTable } from "./frontier_tables.ts";
import { gradientSection } from "./gradient_tables.ts";
import { gridTable } from "./grid_table.ts";
import { longestSection } from "./longest.ts";
import { paperSection } from "./paper_table.ts";
import { paritySection } from "./parity.ts";
import { reinvestedRuns } from "./reinvested_failures.ts";
import { reinvestmentSection } from "./reinvestment.ts";
import { adapterTitle, type CellRecord, runtimeOf } from "../results/results.ts";
import { ranksSection } from "./ranks_table.ts";
import type { Told } from "../results/run_header.ts";
import { roundsSection } from "./rounds.ts";
import type { Comparison } from "./side_by_side.ts";
import { statesTable } from "./states_table.ts";
import {
  disagreementTable,
  failureTable,
  memoryTable,
  piecesTable,
  qualityTable,
  throughputTable,
} from "./tables.ts";

/** What a report says about the run beside its records. */
export interface Run extends Told {
  /** The command that repeats it. */
  command: string;
  started: Date;
  /** Digest of the program's sources; records of versions 1 and 2 have none. */
  sources?: string;
  /** Planned processes that have no record and ought to; null where the plan is not known. */
  missing: number | null;
  /** Pictures beside the report: file name and caption. */
  charts: { file: string; caption: string }[];
}

/** A titled table, and what is said of it below. */
export interface Section {
  title: string;
  table: string;
}

/** What every table of a software adapter is branded with. */
export const softwareBrand = "software adapter: not a performance result";

/** The tables of a run, those that have rows. A software adapter's carry their brand in the title. */
export function sections(
  records: readonly CellRecord[],
  told: Told = {},
): Section[] {
  const comparisons = compare(records);
  const brand = records.some((r) => r.environment.adapterClass === "software") ? ` (${softwareBrand})` : "";
  const tables: [string, string | null][] = [
    ["Frontier", frontierSection(comparisons, told)],
    ["Every combination by plan", plannedTable(told)],
    ["Buffers and speed by model", gridTable(comparisons)],
    ["Memory", memoryTable(comparisons)],
    ["Weights, moments, gradients", statesTable(comparisons)],
    ["Throughput", throughputTable(comparisons)],
    ["Ranks", ranksSection(comparisons)],
    ["Tokens of a piece", piecesTable(comparisons)],
    ["Rounds", roundsSection(comparisons, records, told.stopping)],
    ["Rounds that disagree", disagreementTable(comparisons)],
    ["Quality", qualitySection(comparisons, records)],
    ["Gradient error", gradientSection(comparisons)],
    ["Parity", paritySection(comparisons)],
    ["The paper's table", paperSection(comparisons)],
    ["The longest sequences", longestSection(told, comparisons)],
    ["Memory re-invested", reinvestmentSection(told, records)],
    ["What failed", failureTable([...comparisons, ...reinvestedRuns(records)])],
  ];
  return tables.flatMap(([title, table]) => table === null ? [] : [{ title: title + brand, table }]);
}

/** The quality table, and below it what images Vision Transformers were trained on. */
function qualitySection(
  comparisons: readonly Comparison<Cell>[],
  records: readonly CellRecord[],
): string | null {
  const table = qualityTable(comparisons);
  const images = records.find(({ data, quality }) => quality && data.kind === "images")?.data;
  if (table === null || images?.kind !== "images") return table;
  const seen = images.generated
    ? "Vision Transformers were trained and validated on **generated images** that the built-in generator draws, not on " +
      "photographs: no result on CIFAR or ImageNet follows. `--images` takes `mnist`, `fashion-mnist`, or " +
      "a folder of CIFAR's or MNIST's files."
    : `Vision Transformers were trained and validated on ${images.name}.`;
  return `${table}\n\n${seen}`;
}

/** The report of a run as markdown. Needs at least one record. */
export function renderReport(records: readonly CellRecord[], run: Run): string {
  const { environment } = records[0];
  const models = describeModels(records);
  const tables = sections(records, run);
  const parts = [
    `# Headroom on ${adapterTitle(environment)}, ${run.started.toISOString().slice(0, 10)}`,
    answers(records, compare(records), run),
    howItWasMade(records, run),
    ...tables.flatMap(({ title, table }) => [`## ${title}`, folded(title, table)]),
    ...run.charts.map(({ file, caption }) => `![${caption}](${file})`),
    "## How to read it",
    howToRead(tables),
    "## Environment",
    namedList([
      ["Adapter", `${environment.adapter} (${environment.adapterClass})`],
      ["Driver", environment.driver ?? "not told"],
      ...runtimeOf(environment) === "dawn" ? [["Runtime", "Dawn"] as [string, string]] : [],
      ...describeChoices(records),
      ["Deno", environment.deno],
      ["System", environment.os],
      ["Processor", `${environment.cpu}, ${environment.cores} cores, ${bytes(environment.memoryBytes)}`],
      ...describeData(records),
      ...describeTraining(records),
      ...describeVariants(records),
    ]),
    "## Documents",
    details("The storage policies, complete", describePolicies(records)),
    ...models ? [details("The models that are no presets", models)] : [],
  ];
  return parts.join("\n\n") + "\n";
}

/** What the choices of a step are called. */
const choiceNames = Object.entries(
  {
    arithmetic: "Products",
    accumulate: "Micro-batches of a step, which tables name before its sequences",
    parameters: "Matrices of weights",
    moments: "Adam's moments",
    update: "Weights are updated in",
    clipBy: "Clipping by the norm of the step",
    ranks: "Ranks that share a step",
    spread: "What ranks part between them",
    sharding: "What ranks keep parts of",
  } satisfies Record<keyof StepChoices, string>,
) as [keyof StepChoices, string][];

/** The choices that are not the defaults: of each what it was. */
function describeChoices(records: readonly CellRecord[]): [string, string][] {
  return choiceNames.flatMap(([choice, name]) => {
    const all = new Set(
      records.map(({ configuration }) => configuration[choice] ?? stepDefaults[choice]),
    );
    return all.size > 1 || !all.has(stepDefaults[choice]) ? [[name, [...all].join(", ")]] : [];
  });
}

function howItWasMade(records: readonly CellRecord[], run: Run): string {
  const { environment: { commit, dirty }, configuration } = records[0];
  const inRounds = records.filter((r) => !r.configuration.again);
  const rounds = new Set(inRounds.map((r) => r.configuration.round)).size;
  const seeds = [...new Set(records.map((r) => r.configuration.seed))];
  const clocks = [...new Set(records.flatMap((r) => r.timing?.clock ?? []))];
  const lines = [
    `Made by ${commandCode(run.command)} on ${run.started.toISOString().replace(/\.\d+/, "")}, from ` +
    `${version(commit, dirty, run.sources)}, ` +
    `${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}. ${
      plural(records.length, "record")
    } in \`results.jsonl\`: each is one process that ran one cell ` +
    `for one of ${run.stopping ? "up to " : ""}${plural(rounds, "round")}, ${
      plural(configuration.warmupSteps, "step")
    } to warm up and ` +
    `${plural(configuration.timedSteps, "step")} timed${
      clocks.length ? ` by the ${clocks.join(" or ")} clock` : ""
    }.`,
  ];
  if (run.missing) {
    const [processes, are] = run.missing === 1 ? ["process", "is"] : ["processes", "are"];
    lines.push(
      `**Not finished**: ${
        run.stopping ? "at most " : ""
      }${run.missing} ${processes} of the plan ${are} missing; \`deno task bench --resume FOLDER\` runs them.`,
    );
  }
  if (run.missing === null) {
    lines.push("An older version of the program left these records; they do not tell what was planned.");
  }
  return lines.join("\n\n");
}

/** "commit 0123456789ab with uncommitted changes (sources 01234567)" */
function version(commit: string | null, dirty: boolean | null, sources?: string): string {
  const digest = sources ? ` (sources ${sources.slice(0, 12)})` : "";
  if (!commit) return `no git checkout${digest}`;
  const state = dirty
    ? " with uncommitted changes"
    : dirty === null
    ? " as it was told (`check` compares its sources)"
    : "";
  return `commit ${commit.slice(0, 12)}${state}${digest}`;
}

/** Sections that list much, what a row of each is, and the most rows that stand open. */
const foldable = new Map([
  ["Rounds that disagree", "cell"],
  ["What failed", "cell"],
  ["Every combination by plan", "row"],
]);
const mostRows = 10;

/** A section whose table is folded where it is long. */
function folded(title: string, section: string): string {
  const [, what] = [...foldable].find(([name]) => title.startsWith(name)) ?? [];
  if (what === undefined) return section;
  const [table, ...rest] = section.split("\n\n");
  const rows = table.split("\n").length - 2;
  return rows <= mostRows ? section : [details(plural(rows, what), table), ...rest].join("\n\n");
}

/** Text that a reader unfolds. */
const details = (summary: string, text: string) =>
  `<details><summary>${summary}</summary>\n\n${text}\n\n</details>`;

/** What the words of tables mean, of those that stand there as a title, a row's or a column's. */
function howToRead(tables: readonly Section[]): string {
  const words = new Set(
    tables.flatMap((
      { title, table },
    ) => [title.toLowerCase(), ...table.split("|").map((text) => text.trim())]),
  );
  const multiples = tables.some(({ table }) => /\(\d\S*×\)/.test(table));
  return namedList(glossary.filter(([word]) => word === "(0.26×)" ? multiples : words.has(word)));
}

const glossary = Object.entries({
  tokens: "sequences × tokens of one step; an image is a sequence, its class token included.",
  "saved activations":
    "what the storage policy keeps from forward to backward: blocks and the final LayerNorm.",
  "saved, against half":
    "the same as a multiple of `half`'s: the reference for whoever trains in 16 bits anyway.",
  "live peak": "the most bytes of tensors alive at one dispatch, weights and optimizer included.",
  buffers: "bytes of the buffers that hold those tensors.",
  driver: "growth of what the driver reports, its own context included; only where it can be asked.",
  "gradients at the peak":
    "those alive when most bytes are; updated in backward, one lives until its update only.",
  "with gradients, a parameter":
    "bytes of weights, moments and those gradients, for each number that is trained.",
  "tokens of a piece":
    "that go through the MLP or the language model's head at once, where the policy takes mini-sequences; the last piece may have fewer.",
  step:
    "median over the timed steps of all rounds, ± their median absolute deviation. Losses are read back once after them, not in " +
    "each step.",
  dispatches: "kernels that a step runs one after another; each costs some microseconds beyond its work.",
  speed:
    "against `exact`, or where that does not fit the policy that has 1.00×: geometric mean over rounds of the ratio within a round, with its 95% interval (Student's, of the logarithms), which " +
    "fewer than three rounds do not have; above 1 is faster.",
  "widest interval":
    "of a comparison's speeds: how far that of the policy which is known least reaches beyond its speed, as a share of it.",
  "validation loss":
    "nats per token, or per image, without label smoothing; mean over the seeds, ± the standard deviation between them, and the " +
    "difference to `exact` from the same seeds. Knowing only how often each token occurs gives the unigram entropy.",
  "top-1": "share of held-out images whose own class got the largest logit.",
  "clipped values":
    "share of stored values outside the range that their policy expected, in the last step; mean over the seeds.",
  "clipped operands":
    "share of the numbers that products in halves read which were too large for them by the scale that the step before gave, in all " +
    "steps; mean over the processes.",
  "relative error":
    "norm of the difference between a policy's gradient and `exact`'s, of the same weights and batch, as a share of `exact`'s norm; " +
    "mean over the compared steps of the training runs. The columns after it take the parameters of one operator alone.",
  "noise between batches":
    "standard deviation of `exact`'s gradient between batches, as a share of its norm, at the same steps: what a step does not know of its " +
    "gradient anyway.",
  "(0.26×)": "the value as a multiple of `exact`'s.",
});
