/** What fits, as rows of JSON and as tables. */

import { markdownTable } from "markdown-table";
import { z } from "zod";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { modelSchema } from "../../src/models/model_document.ts";
import { bytes } from "../../src/text/format.ts";
import { describeChoices, shardedWords, sharedWords, stepDefaults } from "../../src/train/step_choices.ts";
import { count, positive } from "../results/numbers.ts";
import { choiceFields, environment, modelFields } from "../results/results.ts";
import { type Budget, sources } from "../sweep/budget.ts";
import { dimensions, type Fit, type FitSearch, inUnits, limits, stepOf } from "../sweep/fit.ts";
import { type Proof, proof } from "../sweep/prove.ts";
import type { Look } from "../sweep/trials.ts";
import { printable } from "./terminal.ts";

const { adapter, adapterClass, driver, runtime } = environment.shape;

const row = z.object({
  model: z.string().describe("as it was given"),
  policy: z.string(),
  largest: z.enum(dimensions).describe("what was looked for"),
  memoryBytes: count.describe("bytes that the buffers of a step may take"),
  memorySource: z.enum(sources).describe(
    "option: the user; driver: free on the card; probe: taken in buffers",
  ),
  batch: positive.nullable().describe("sequences of a step, or of each of its micro-batches"),
  sequence: positive.nullable().describe("tokens of a sequence"),
  layers: positive.nullable(),
  width: positive.nullable().describe("channels"),
  bufferBytes: count.nullable().describe("of the buffers that hold the tensors; null where nothing fits"),
  ...choiceFields,
  modelDocument: modelSchema.optional().describe(
    "the model of that size, as --model takes it in a file, where it is not the given one",
  ),
  limit: z.enum(limits).describe(
    "what the next size is refused for: memory; the adapter's largest buffer or binding; the model's positions; what the program can plan",
  ),
  next: z.object({
    size: positive.describe("of what was looked for: sequences, tokens, layers or channels"),
    message: z.string(),
    wantedBytes: count.nullable(),
  }).describe("the next size, which does not fit"),
  adapterClass: adapterClass.describe("of the adapters whose kernels are planned"),
  adapter: adapter.optional().describe("the adapter at hand, where it was asked"),
  driver: driver.optional(),
  runtime,
  proof: proof.optional(),
});
export type FitRow = z.infer<typeof row>;

/** What `fit --json` prints. */
export const fits = z.array(row).meta({
  title: "Fits",
  description:
    "The largest batch, sequence, depth or width in so many bytes; what was looked for is null where nothing fits",
});

/** What fits, as a row. */
export function rowOf(
  { open, adapter: { adapterClass } }: FitSearch,
  { bytes, source }: Budget,
  { answer, next }: Fit,
  look?: Look,
  proof?: Proof,
): FitRow {
  const { model, sequence, batch } = stepOf(open, answer?.size ?? 1);
  const unless = (dimension: FitRow["largest"], size: number) =>
    answer === null && open.largest === dimension ? null : size;
  const { modelDocument } = modelFields(model);
  return {
    model: open.model.name,
    policy: open.policy.name,
    largest: open.largest,
    memoryBytes: bytes,
    memorySource: source,
    batch: unless("batch", batch),
    sequence: unless("sequence", sequence),
    layers: unless("depth", model.layers),
    width: unless("width", model.width),
    bufferBytes: answer?.plan.bufferBytes ?? null,
    ...open.choices,
    ...answer && modelDocument && model.name !== open.model.name && { modelDocument },
    limit: next.refusal.limit,
    next: {
      size: inUnits(open, next.size),
      message: next.refusal.message,
      wantedBytes: next.refusal.wantedBytes,
    },
    adapterClass,
    ...look && { adapter: look.adapter, driver: look.driver, runtime: look.runtime },
    ...proof && { proof },
  };
}

const sizeOf = ({ largest, batch, sequence, layers, width }: FitRow) =>
  ({ batch, sequence, depth: layers, width })[largest];

const limitWords = {
  memory: "memory",
  buffer: "the adapter's largest buffer or binding",
  positions: "the model's positions",
  program: "what can be planned",
};

/** A table with a row for each answer, planned for an adapter of that name; of several budgets, where nothing is proved, with a column for each. */
export function describeFits(rows: readonly FitRow[], { limits }: BuilderOptions, who: string): string {
  const [first] = rows;
  const { ranks: _, spread: __, sharding: ___, ...common } = first;
  const parted = rows.some(({ ranks }) => ranks);
  const choices = [
    ...describeChoices(common),
    ...parted
      ? [`ranks share ${sharedWords[rows.find(({ spread }) => spread)?.spread ?? stepDefaults.spread]}`]
      : [],
    ...rows.some(({ sharding }) => sharding) ? [shardedWords] : [],
  ];
  const budgets = [...new Set(rows.map(({ memoryBytes }) => memoryBytes))];
  const binding = bytes(limits.maxStorageBufferBindingSize);
  const opening =
    `Planned for ${who}, bindings of at most ${binding}; variants of kernels by the kernels' tables` +
    (choices.length > 0 ? `; ${choices.join(", ")}` : "");
  const wide = budgets.length > 1 && !first.proof;
  return [opening, ...notes(rows), printable(wide ? byBudget(rows, budgets) : oneByOne(rows))].join("\n\n");
}

/** What must be known of the rows beside their numbers. */
function notes(rows: readonly FitRow[]): string[] {
  const grown = rows.some(({ largest, modelDocument }) => largest === "sequence" && modelDocument);
  const [{ memorySource, memoryBytes, largest }] = rows;
  const free = bytes(memoryBytes);
  return [
    ...rows.some(({ ranks }) => ranks)
      ? ["What several ranks share is by plan, a card each: nothing of it ran."]
      : [],
    ...memorySource === "driver" ? [`The driver says that ${free} are free.`] : [],
    ...memorySource === "probe" ? [`Buffers of ${free} were given before one was refused.`] : [],
    ...grown
      ? ["Sequences beyond a model's positions are of the model with as many positions as tokens."]
      : [],
    ...largest === "width" ? ["Widths grow by whole heads (of a Llama, of keys) of the model's size."] : [],
  ];
}

function byBudget(rows: readonly FitRow[], budgets: readonly number[]): string {
  const groups = Map.groupBy(rows, (row) => [row.model, row.policy, fixed(row)].join("\n"));
  const marks = { memory: "", buffer: " (buffer)", positions: " (positions)", program: " (program)" };
  const cell = (row?: FitRow) => {
    const size = row && sizeOf(row);
    return row && size ? `${size}${marks[row.limit]}` : "–";
  };
  const body = [...groups.values()].map((group) => [
    group[0].model,
    group[0].policy,
    fixed(group[0]),
    `largest ${group[0].largest}`,
    ...budgets.map((budget) => cell(group.find(({ memoryBytes }) => memoryBytes === budget))),
  ]);
  return markdownTable([["model", "policy", "at", "", ...budgets.map(bytes)], ...body], {
    align: ["l", "l", "l", "l", ...budgets.map(() => "r")],
  });
}

/** The sizes that were not looked for. */
function fixed({ largest, batch, sequence, ranks }: FitRow): string {
  const on = ranks ? ` on ${ranks} ranks` : "";
  if (largest === "batch") return `${sequence} tokens${on}`;
  if (largest === "sequence") return `batch ${batch}${on}`;
  return `${batch} × ${sequence}${on}`;
}

function oneByOne(rows: readonly FitRow[]): string {
  const header = [
    "model",
    "policy",
    "at",
    "in",
    "largest",
    "buffers",
    "the next",
    "exceeds by",
    "limited by",
  ];
  const proofs = rows.some(({ proof }) => proof);
  const body = rows.map((row) => [
    row.model,
    row.policy,
    fixed(row),
    bytes(row.memoryBytes),
    sizeOf(row) === null ? "none" : `${row.largest} ${sizeOf(row)}`,
    row.bufferBytes === null ? "–" : bytes(row.bufferBytes),
    String(row.next.size),
    row.limit === "memory" && row.next.wantedBytes !== null
      ? excess(row.next.wantedBytes - row.memoryBytes)
      : "–",
    limitWords[row.limit],
    ...proofs ? [proofWords(row.proof)] : [],
  ]);
  return markdownTable([[...header, ...proofs ? ["proof"] : []], ...body], {
    align: ["l", "l", "l", "r", "r", "r", "r", "r", "l", "l"].slice(0, header.length + (proofs ? 1 : 0)),
  });
}

/** By how much a plan exceeds the memory; one within it was refused by the device, which needs some for itself. */
const excess = (over: number) => over < 0 ? `${bytes(-over)} within it` : bytes(over);

function proofWords(proof?: Proof): string {
  if (!proof) return "–";
  if (proof.failure !== null) return `not proved: ${proof.failure}`;
  const by = proof.refused?.by === "device"
    ? "the device had no memory for the next"
    : "the next was refused by plan";
  return proof.trained ? `trained; ${by}` : by;
}
