import { z } from "zod";
import { UserError } from "../../src/errors.ts";
import { count, positive } from "../results/numbers.ts";
import { median } from "../statistics/statistics.ts";

const time = z.number().positive();
/** JSON has no NaN, so a loss that diverged is null. */
const loss = z.number().nullable();

const header = z.object({
  schema: z.literal(3),
  kind: z.literal("peers"),
  command: z.string(),
  started: z.iso.datetime(),
  planned: z.object({ rows: positive, rounds: positive }).optional().describe(
    "rows of all models together, and turns of each",
  ),
  environment: z.object({
    adapter: z.string().describe("the device's name"),
    adapterClass: z.enum(["gpu", "software"]).describe("a processor's times are no performance result"),
    driver: z.string().nullable(),
    torch: z.string(),
    cuda: z.string().nullable(),
    cudnn: z.string().nullish(),
    allocator: z.string().nullish().describe("PYTORCH_CUDA_ALLOC_CONF; null where it is not set"),
    attention: z.string().optional().describe("what scaled_dot_product_attention chooses in bf16"),
    timm: z.string().optional(),
    python: z.string(),
    os: z.string(),
    cpu: z.string(),
    commit: z.string().nullable(),
    dirty: z.boolean().nullable().describe("whether tracked files differ from the commit"),
  }),
}).meta({ title: "Header of a peers' file" });

const row = z.object({
  model: z.string(),
  batch: positive,
  sequence: positive,
  unit: z.enum(["tokens", "images"]).describe("what speed counts"),
  arithmetic: z.string(),
  form: z.string(),
  compiled: z.boolean(),
  optimizer: z.enum(["fused AdamW", "AdamW", "fused AdamW in backward"]),
});

const turn = row.extend({
  round: count,
  steps: count,
  wallMilliseconds: time.nullable().describe("of the whole window, its losses read once at its end"),
  gpuMilliseconds: z.array(time).nullable().describe("of each step, by the device's events"),
  peakBytes: count.nullable().describe("torch.cuda.max_memory_allocated over the window"),
  compileSeconds: time.nullable().describe("of a compiled row's first step"),
  firstLoss: loss.describe("of the initial weights"),
  loss: loss.describe("of the window's last step"),
  status: z.enum(["ok", "oom", "error"]),
  message: z.string().nullable(),
}).refine(
  ({ status, steps, wallMilliseconds: wall, gpuMilliseconds: gpu }) =>
    status !== "ok" || (steps > 0 && wall !== null && (gpu === null || gpu.length === steps)),
  { error: "a row that is ok needs steps, their time by the wall clock, and one by events each or none" },
).meta({ title: "One round of one row of a peers' file" });

export type PeersHeader = z.infer<typeof header>;

/** One round of one row. */
export type PeerTurn = z.infer<typeof turn>;

const spread = z.object({ median: z.number(), smallest: z.number(), largest: z.number() });

/** What a median is taken of, and how far it spreads. */
export type Spread = z.infer<typeof spread>;

const overAllRounds = row.extend({
  rounds: count.describe("those that ended well"),
  speed: spread.nullable().describe(
    "tokens or images a second, by the device's clock where it has one (the median step of each round), else by the wall clock",
  ),
  wallSpeed: spread.nullable().describe("the same by the wall clock"),
  peakBytes: count.nullable().describe("the largest of any round"),
  compileSeconds: time.nullable(),
  firstLoss: loss,
  losses: z.array(loss).describe("of each round's last step; null where it is no number"),
  failure: z.object({ status: z.enum(["oom", "error"]), message: z.string() }).nullable().describe(
    "the round that did not end well",
  ),
});

/** A row over its rounds. */
export type PeerRow = z.infer<typeof overAllRounds>;

/** What `report --json` prints of a run of `bench/peers`. */
export const peersSummary = z.object({
  ...header.omit({ schema: true }).shape,
  folder: z.string().describe("where the report lies"),
  rows: z.array(overAllRounds),
}).meta({ title: "What PyTorch did", description: "Its rows over their rounds" });

/** What a run of `bench/peers` recorded. */
export interface Peers {
  header: PeersHeader;
  rows: PeerRow[];
}

/**
 * Reads the records of a run of `bench/peers`, JSON lines of which the first is the header. Throws a UserError that names the line which
 * is none, or says that there is no row.
 */
export function readPeers(text: string): Peers {
  const [first, ...others] = text.trimEnd().split("\n");
  const peers = parseLine(header, first, 1);
  const rows = Map.groupBy(
    others.map((line, index) => parseLine(turn, line, index + 2)),
    ({ model, batch, sequence, arithmetic, form, compiled, optimizer }) =>
      JSON.stringify([model, batch, sequence, arithmetic, form, compiled, optimizer]),
  );
  if (rows.size === 0) {
    throw new UserError("These peers' records have a header and no row: run their command again to the end");
  }
  return { header: peers, rows: [...rows.values()].map(overRounds) };
}

/** The summary of peers' records that lie in a folder, from their text. Throws a UserError as `readPeers` does. */
export function summarizePeers(folder: string, text: string): z.infer<typeof peersSummary> {
  const { header: { schema: _, ...header }, rows } = readPeers(text);
  return { ...header, folder, rows };
}

function parseLine<T>(schema: z.ZodType<T>, line: string, lineNumber: number): T {
  const refused = (reason: string) =>
    new UserError(
      `Line ${lineNumber} of the peers' records is none (${reason}): take it out, or measure again with bench/peers`,
    );
  try {
    return schema.parse(JSON.parse(line));
  } catch (error) {
    if (error instanceof SyntaxError) throw refused("not a whole line of JSON");
    if (!(error instanceof z.ZodError)) throw error;
    const [{ path, message }] = error.issues;
    throw refused([...path.length ? [path.join(".")] : [], message].join(": "));
  }
}

function overRounds(turns: PeerTurn[]): PeerRow {
  const { model, batch, sequence, unit, arithmetic, form, compiled, optimizer } = turns[0];
  const good = turns.filter(({ status }) => status === "ok");
  const bad = turns.find(({ status }) => status !== "ok");
  const perStep = unit === "images" ? batch : batch * sequence;
  const speeds = (milliseconds: (turn: PeerTurn) => number) =>
    spreadOf(good.map((turn) => 1000 * perStep / milliseconds(turn)));
  const wall = (turn: PeerTurn) => turn.wallMilliseconds! / turn.steps;
  const known = <T>(values: (T | null)[]) => values.filter((value) => value !== null);
  const peaks = known(good.map(({ peakBytes }) => peakBytes));
  return {
    ...{ model, batch, sequence, unit, arithmetic, form, compiled, optimizer },
    rounds: good.length,
    speed: speeds((turn) => turn.gpuMilliseconds ? median(turn.gpuMilliseconds) : wall(turn)),
    wallSpeed: speeds(wall),
    peakBytes: peaks.length ? Math.max(...peaks) : null,
    compileSeconds: known(turns.map(({ compileSeconds }) => compileSeconds))[0] ?? null,
    firstLoss: known(good.map(({ firstLoss }) => firstLoss))[0] ?? null,
    losses: good.map(({ loss }) => loss),
    failure: bad?.status === "oom" || bad?.status === "error"
      ? { status: bad.status, message: bad.message ?? "nothing was said" }
      : null,
  };
}

function spreadOf(values: number[]): Spread | null {
  if (values.length === 0) return null;
  return { median: median(values), smallest: Math.min(...values), largest: Math.max(...values) };
}

/** The fastest of rows, by median; undefined if none was measured. */
export const fastest = (rows: readonly PeerRow[]): PeerRow | undefined =>
  rows.filter(({ speed }) => speed).toSorted((a, b) => b.speed!.median - a.speed!.median)[0];

/** The row with the smallest peak, of equals the fastest; undefined where no peak was measured. */
export const smallest = (rows: readonly PeerRow[]): PeerRow | undefined =>
  rows.filter(({ peakBytes }) => peakBytes !== null)
    .toSorted((a, b) => a.peakBytes! - b.peakBytes! || b.speed!.median - a.speed!.median)[0];

/** Rows of the same model, batch and sequence, in the order of the records. */
export const bySubject = (rows: readonly PeerRow[]): PeerRow[][] => [...Map.groupBy(rows, subject).values()];

/** "small, 16 × 1024" */
export const subject = ({ model, batch, sequence }: PeerRow) => `${model}, ${batch} × ${sequence}`;

/** "bf16 autocast, plain, compiled", and its optimizer where that is none of one kernel for all weights. */
export const fullNameOfRow = (row: PeerRow): string =>
  [nameOfRow(row), ...optimizerWords[row.optimizer]].join(", ");

const optimizerWords: Readonly<Record<PeerTurn["optimizer"], string[]>> = {
  "fused AdamW": [],
  "AdamW": ["AdamW not fused"],
  "fused AdamW in backward": ["updated in backward"],
};

/** "bf16 autocast, plain, compiled" */
export const nameOfRow = ({ arithmetic, form, compiled }: PeerRow): string =>
  [arithmetic, form, ...compiled ? ["compiled"] : []].join(", ");
