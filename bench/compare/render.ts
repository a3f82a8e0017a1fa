import { markdownTable } from "markdown-table";
import { bytes, namedList, percentage, plural } from "../../src/text/format.ts";
import { inlineCode } from "../../src/text/shell.ts";
import { describeChoices } from "../../src/train/step_choices.ts";
import { softwareBrand } from "../report/report.ts";
import { adapterTitle, statusWords } from "../results/results.ts";
import type { ComparedCell, Comparison, Pairing } from "./comparison.ts";
import type { GateResult } from "./gate.ts";
import { memoryQuantities } from "./memory.ts";
import type { Report } from "../results/read_results.ts";
import { hasFewRounds } from "./speed.ts";

/** A comparison as markdown. */
export function renderComparison(comparison: Comparison, { exceeded, undecided }: GateResult): string {
  const { base, own, pairing, tolerance, cells } = comparison;
  return [
    `# ${describe(own)}, compared with ${describe(base)}`,
    summary(comparison),
    table(cells),
    ...memoryChanges(cells),
    ...exceeded.length > 0 ? [list("Beyond the limit", exceeded)] : [],
    ...undecided.length > 0 ? [list("Not decided, so no pass: measure more rounds", undecided)] : [],
    namedList([
      ["speed", `${pairings[pairing]} Above 1 is faster; in brackets the 95% interval.`],
      [
        "verdict",
        `\`faster\` and \`slower\`: the interval lies beyond ±${
          percentage(tolerance)
        } as a whole; \`same\`: within it; ` +
        "`unsure`: neither, or there is no interval, as of fewer than three rounds on a side.",
      ],
      ["losses", "bit for bit, where adapter, driver, kernel variants, recipe, seed and data are the same."],
    ]),
  ].join("\n\n");
}

function describe({ folder, results: { records: [{ environment: { commit, dirty } }] } }: Report): string {
  const version = commit ? ` (commit ${commit.slice(0, 12)}${dirty ? " with uncommitted changes" : ""})` : "";
  return inlineCode(folder) + version;
}

const pairings: Record<Pairing, string> = {
  interleaved: "round by round, by turns in one run: the mean of the rounds' ratios.",
  reference:
    "of two runs. The interval covers the ratio as it is and in units of each work of the reference, which no change of the program changes.",
  none:
    "of two runs without a common reference, so nobody knows what is the machine's own: `deno task bench --against COMMIT` tells.",
  across: "of two machines or runtimes, as they are.",
};

function summary({ base, own, cells, drift, differences }: Comparison): string {
  const { environment } = own.results.records[0];
  const count = (verdict: string) => cells.filter(({ speed }) => speed?.verdict === verdict).length;
  const verdicts = ["faster", "slower", "same", "unsure"].map((verdict) => `${count(verdict)} ${verdict}`);
  const changed = cells.filter(({ memory }) => memory && memory.verdict !== "same").length;
  const losses = cells.filter(({ losses }) => losses?.verdict === "different").length;
  const few = cells.filter(({ speed }) => speed && hasFewRounds(speed)).length;
  const moved = Object.entries(drift).map(([work, ratio]) => `${percentage(ratio - 1, true)} by ${work}`);
  return [
    `${adapterTitle(environment)}; ${plural(cells.length, "cell")}: ${verdicts.join(", ")}; ` +
    `memory changed in ${changed}, losses in ${losses}.`,
    ...environment.adapterClass === "software" ? [`Measured on a ${softwareBrand}.`] : [],
    ...few > 0
      ? [
        `Fewer than three rounds on a side tell no interval, so the speed of ${
          plural(few, "cell")
        } is unsure.`,
      ]
      : [],
    ...differences.length > 0 ? [`The reports are of different ${differences.join(" and ")}.`] : [],
    ...moved.length > 0
      ? [
        `From ${inlineCode(base.folder)} to ${inlineCode(own.folder)} the machine's own speed changed: ${
          moved.join(", ")
        }.`,
      ]
      : [],
  ].join(" ");
}

function table(cells: readonly ComparedCell[]): string {
  const rows = cells.map((cell) => [
    cell.model,
    `${cell.batch} × ${cell.sequence}`,
    policyOf(cell),
    ...speedOf(cell),
    cell.memory?.verdict ?? "–",
    lossesOf(cell),
  ]);
  return markdownTable([
    ["model", "tokens", "policy", "speed", "rounds", "verdict", "memory", "losses"],
    ...rows,
  ], { align: ["l", "l", "l", "r", "r", "l", "l", "l"] });
}

const policyOf = ({ policy, choices }: ComparedCell) =>
  [inlineCode(policy), ...describeChoices(choices)].join(", ");

function speedOf({ speed, endings: { base, own } }: ComparedCell): string[] {
  if (!speed) return [`${wordOf(base)} → ${wordOf(own)}`, "–", "–"];
  const { ratio, low, high, rounds, verdict } = speed;
  const interval = low === null || high === null
    ? " (no interval)"
    : ` (${low.toFixed(3)}–${high.toFixed(3)})`;
  return [`${ratio.toFixed(3)}×${interval}`, `${rounds}`, `**${verdict}**`];
}

const wordOf = (ending: ComparedCell["endings"]["own"]) =>
  ending === "missing" ? "no record" : ending === "ok" ? "ran" : statusWords[ending];

function lossesOf({ losses }: ComparedCell): string {
  if (!losses) return "–";
  if (losses.verdict === "not compared") return `not compared: ${losses.why}`;
  if (losses.verdict === "same") return `same (${plural(losses.runs, "run")})`;
  const where = losses.step === null ? "in validation" : `from step ${losses.step} on`;
  return `**different** ${where}, seed ${losses.seed}`;
}

function memoryChanges(cells: readonly ComparedCell[]): string[] {
  const rows = cells.flatMap((cell) =>
    (cell.memory?.changes ?? []).filter(({ base, own }) => base !== own).map(({ quantity, base, own }) => [
      cell.model,
      `${cell.batch} × ${cell.sequence}`,
      policyOf(cell),
      memoryQuantities[quantity],
      `${bytes(base)} → ${bytes(own)}`,
      `${own > base ? "+" : ""}${(own - base).toLocaleString("en-US")} B (${
        percentage(own / base - 1, true)
      })`,
    ])
  );
  if (rows.length === 0) return [];
  const header = ["model", "tokens", "policy", "memory", "bytes", "difference"];
  return [markdownTable([header, ...rows], { align: ["l", "l", "l", "l", "r", "r"] })];
}

const list = (title: string, entries: readonly string[]) =>
  `**${title}**:\n\n${entries.map((entry) => `- ${entry}`).join("\n")}`;
