import { categoryName } from "../../src/memory/category.ts";
import { bytes, number, sentenceCase } from "../../src/text/format.ts";
import { stateBytes } from "../../src/train/step_choices.ts";
import { statusWords } from "../results/results.ts";
import type { Limit, LongestSequence, SweepHeader } from "../results/run_header.ts";
import type { Cell } from "./cell_rounds.ts";
import {
  cellsOf,
  comparisonsOf,
  groupsOf,
  longestTrained,
  rowName,
  sharedChoices,
  stateName,
  titleOf,
  trainedCells,
} from "./longest_rows.ts";
import { besidePublished, published, publishedStates } from "./mst_published.ts";
import type { Comparison } from "./side_by_side.ts";
import { speedText } from "./speeds.ts";
import { code, list, table } from "./words.ts";

/** What was looked for, and the bytes that buffers might take. */
type Budget = Partial<Pick<SweepHeader, "longest" | "memory">>;

/** How long sequences may be by plan, which lengths trained, what pieces cost there, and what bounds them, as markdown; null if none were looked for. */
export function longestSection(
  { longest, memory: budget }: Budget,
  comparisons: readonly Comparison<Cell>[],
): string | null {
  if (!longest?.found.length) return null;
  const { unit, found } = longest;
  const shared = sharedChoices(found);
  return [
    `The longest multiples of ${number(unit)} tokens that fit${inMemory(budget)} by plan; gradients are f32${
      shared.map((choice) => `; ${choice}`).join("")
    }.`,
    lengthsTable(found, comparisons),
    howTrained(found, comparisons),
    overhead(found, comparisons),
    `Bytes at the live peak of the longest, or of ${number(unit)} tokens where those do not fit, and what ${
      number(unit)
    } more exceed:`,
    memory(found),
    besidePublished(found.filter(({ batch }) => batch === 1).map(({ model }) => model)),
  ].filter((part) => part !== null).join("\n\n");
}

/** The longest sequences of each model that took a step, and those that fit by plan, as a sentence; null if none were looked for. */
export function longestSentence(
  { longest, memory }: Budget,
  comparisons: readonly Comparison<Cell>[],
): string | null {
  const found = longest?.found ?? [];
  if (found.length === 0) return null;
  const told = (lengthOf: (one: LongestSequence) => number) => {
    const alike = Map.groupBy(longestByModel(found, lengthOf), ({ rows }) => how(rows));
    return list([...alike].map(([how, of]) => `${list(of.map(tokensOf))}, ${how}`));
  };
  const trained = told((one) => longestTrained(one, comparisons)?.sequence ?? 0);
  const planned = told(({ sequence }) => sequence);
  const without = [...Map.groupBy(found, ({ model }) => model)]
    .filter(([, of]) => of.every(({ sequence }) => sequence === 0));
  const parts = [
    ...trained ? [`a step trained ${trained}`] : [],
    ...planned ? [`by plan there is room for ${planned}`] : [],
    ...without.length > 0 ? [`no sequence of ${list(without.map(([model]) => model))} fits`] : [],
  ];
  return `${sentenceCase([...memory ? [`in ${bytes(memory)}`] : [], parts.join("; ")].join(" "))}.`;
}

/** "7,168 tokens of llama3-8b": the longest of each model that trained under a policy; null if none did. */
export function trainedUnder(
  policy: string,
  found: readonly LongestSequence[],
  comparisons: readonly Comparison<Cell>[],
): string | null {
  const own = found.filter((one) => one.policy === policy);
  const told = longestByModel(own, (one) => longestTrained(one, comparisons)?.sequence ?? 0);
  return told.length > 0 ? list(told.map(tokensOf)) : null;
}

/** "267 tokens/s (llama2-7b)": how fast the longest step of each model was that trained; null if none was timed. */
export function speedsOfLongest(
  found: readonly LongestSequence[],
  comparisons: readonly Comparison<Cell>[],
): string | null {
  const told = longestByModel(found, (one) => longestTrained(one, comparisons)?.sequence ?? 0)
    .flatMap(({ model, rows }) => {
      const speeds = rows.flatMap((one) => longestTrained(one, comparisons)?.cell.tokensPerSecond ?? []);
      return speeds.length > 0 ? [`${number(Math.max(...speeds))} tokens/s (${model})`] : [];
    });
  return told.length > 0 ? list(told) : null;
}

const inMemory = (budget?: number | null) => budget ? ` in ${bytes(budget)}` : "";

interface LongestOfModel {
  readonly model: string;
  readonly sequence: number;
  /** All that share it. */
  readonly rows: readonly LongestSequence[];
}

/** The longest of each model that has any. */
const longestByModel = (
  found: readonly LongestSequence[],
  lengthOf: (one: LongestSequence) => number,
): LongestOfModel[] =>
  [...Map.groupBy(found, ({ model }) => model)].map(([model, of]) => {
    const sequence = Math.max(...of.map(lengthOf));
    return { model, sequence, rows: of.filter((one) => lengthOf(one) === sequence) };
  }).filter(({ sequence }) => sequence > 0);

const tokensOf = ({ model, sequence }: LongestOfModel) => `${number(sequence)} tokens of ${model}`;

/** "under `mst` and `mst8` with bf16 weights, 8-bit moments", by what weights and moments are kept in. */
const how = (rows: readonly LongestSequence[]) =>
  [...Map.groupBy(rows, stateName)].map(([state, of]) =>
    `under ${list([...new Set(of.map(({ policy }) => code(policy)))])} with ${state}`
  ).join(", and ");

function trained(one: LongestSequence, comparisons: readonly Comparison<Cell>[]): string {
  const failure = cellsOf(one, comparisons).find(({ sequence }) => sequence === one.sequence)?.cell.failure;
  const last = longestTrained(one, comparisons);
  const notes = failure ? [`${number(one.sequence)}: ${statusWords[failure.status]}`] : [];
  return [...last ? [number(last.sequence)] : [], ...notes].join("; ") || "–";
}

function speedThere(one: LongestSequence, comparisons: readonly Comparison<Cell>[]): string {
  const speed = longestTrained(one, comparisons)?.cell.tokensPerSecond;
  return speed ? number(speed) : "–";
}

const limitWords: Record<Limit["of"], string> = {
  memory: "memory",
  buffer: "one buffer",
  binding: "one binding",
  tokens: "what kernels count",
};

type Line = [label: string, show: (one: LongestSequence) => string];

/** The longest by plan and what bounds them, the longest trained and its speed there, below what MST published. */
export function lengthsTable(
  found: readonly LongestSequence[],
  comparisons: readonly Comparison<Cell>[],
): string {
  const policies = [...new Set(found.map(({ policy }) => policy))];
  const lines: Line[] = [
    ["longest by plan", ({ sequence }) => sequence ? number(sequence) : "none"],
    ["limited by", ({ limit }) => limitWords[limit.of]],
    ["longest trained", (one) => trained(one, comparisons)],
    ["tokens/s there", (one) => speedThere(one, comparisons)],
  ];
  const rows = groupsOf(found).flatMap((group, i, all) => {
    const [first] = group;
    const isFirst = i === 0 || all[i - 1][0].model !== first.model || all[i - 1][0].batch !== first.batch;
    const shown = lines.map(([label, show]) => [
      label,
      ...policies.map((policy) => {
        const one = group.find((other) => other.policy === policy);
        return one ? show(one) : "–";
      }),
    ]).filter(([, ...cells]) => cells.some((cell) => cell !== "–"));
    const theirs = isFirst && first.batch === 1 ? publishedRow(first.model, policies) : [];
    const own = shown.map((line, j) => [
      j === 0 && isFirst && theirs.length === 0 ? titleOf(first) : "",
      j === 0 ? rowName(first, found) : "",
      j === 0 ? number(stateBytes(first)) : "",
      ...line,
    ]);
    return [...theirs, ...own];
  });
  return table(["model", "states", "bytes a parameter", "", ...policies], rows, 2);
}

function publishedRow(model: string, policies: readonly string[]): string[][] {
  const row = published[model];
  return row
    ? [[
      model,
      publishedStates,
      "6",
      "longest",
      ...policies.map((policy) => row[policy] ? `${row[policy]} K` : "–"),
    ]]
    : [];
}

/** How little was run of the longest, in words; null where none took a single step. */
export function howTrained(found: readonly LongestSequence[], comparisons: readonly Comparison<Cell>[]) {
  const once = found.some((one) =>
    trainedCells(one, comparisons).some(({ sequence, cell: { configuration } }) =>
      sequence === one.sequence && configuration.warmupSteps === 0 && configuration.timedSteps === 1
    )
  );
  return once
    ? "A length by plan that was trained took one step, and none to warm up: its tokens/s are that step's, and have no interval. No step was " +
      "taken where no longest trained is told: those lengths are by plan alone."
    : null;
}

/** Speeds of mini-sequences beside those of recomputed blocks whose layers are whole, by length; null if none trained. */
function overhead(
  found: readonly LongestSequence[],
  comparisons: readonly Comparison<Cell>[],
): string | null {
  const lines = groupsOf(found).flatMap(([one]) =>
    comparisonsOf(one, comparisons).flatMap(({ sequence, cells }) => {
      const whole = cells.get("recompute");
      if (!whole?.tokensPerSecond) return [];
      const speeds = ["mst", "mst8"].map((policy) => {
        const cell = cells.get(policy);
        return cell?.step ? speedText(cell, whole) : "–";
      });
      if (speeds.every((speed) => speed === "–")) return [];
      return [[
        titleOf(one),
        rowName(one, found),
        number(sequence),
        number(whole.tokensPerSecond),
        ...speeds,
      ]];
    })
  );
  if (lines.length === 0) return null;
  return "Speed of MLP and head in pieces, as a multiple of the same blocks' with whole layers:\n\n" +
    table(["model", "states", "tokens", "tokens/s, `recompute`", "`mst`", "`mst8`"], lines, 2);
}

const shownCategories = ["parameters", "gradients", "optimizer", "saved", "inputs", "transient"] as const;

function memory(found: readonly LongestSequence[]): string {
  const rows = found.map((one) => {
    const { memory, sequence, limit } = one;
    const at = memory?.liveAtPeak ?? {};
    const shown = shownCategories.map((category) => at[category] ?? 0);
    const rest = Object.values(at).reduce((sum, part) => sum + part, 0) -
      shown.reduce((sum, part) => sum + part, 0);
    return [
      titleOf(one),
      rowName(one, found),
      one.policy,
      beyond(limit),
      sequence ? number(sequence) : "none",
      ...[...shown, rest, memory?.bufferBytes ?? 0].map((part) => part ? bytes(part) : "–"),
    ];
  });
  const header = ["model", "states", "policy", "limit", "tokens"];
  return table([...header, ...shownCategories.map(categoryName), "rest", "buffers"], rows, 4);
}

/** "memory of 78 GiB, by 215 MiB" */
function beyond({ of, wanted, most, tensor }: Limit): string {
  const show = of === "tokens" ? number : bytes;
  return `${limitWords[of]} of ${show(most)}, by ${show(wanted - most)}${tensor ? ` (${code(tensor)})` : ""}`;
}
