import { markdownTable } from "markdown-table";
import { namedList, number, percentage, plural } from "../../src/text/format.ts";
import { commandCode } from "./command.ts";
import { statusWords } from "../results/results.ts";
import { lengthTables, longest, searchedSubject, searchesOf } from "./peer_lengths.ts";
import {
  bySubject,
  fastest,
  fullNameOfRow as name,
  type PeerRow,
  type PeersHeader,
  readPeers,
  smallest,
  type Spread,
  subject,
} from "./peer_records.ts";

/** The report of a run of `bench/peers` as markdown. Throws a UserError that names a line which is no record. */
export function renderPeers(text: string): string {
  const { header, rows } = readPeers(text);
  const { environment, started } = header;
  const onCard = environment.adapterClass === "gpu";
  const { searches, others } = searchesOf(rows);
  const subjects = bySubject(others);
  const brand = onCard ? "" : " (a processor: not a performance result)";
  return [
    `# PyTorch on ${environment.adapter}, ${started.slice(0, 10)}`,
    onCard ? whereBetter(header, subjects, searches) : ranOnAProcessor,
    measuredAgainst,
    howItWasMade(header, rows),
    ...subjects.flatMap((rows) => [`## ${subject(rows[0])}${brand}`, rowTable(rows), ...agreement(rows)]),
    ...searches.map((of) =>
      `## How long a sequence may be: ${searchedSubject(of)}${brand}\n\n${lengthTables(of)}`
    ),
    ...failures(rows.filter((row) => others.includes(row) || row.failure?.status === "error")),
    "## How to read it",
    [howToRead, ...searches.length > 0 ? [howToReadLengths] : []].join("\n"),
    "## Environment",
    namedList([
      ["Device", environment.adapter],
      ["Driver", environment.driver ?? "not told"],
      ["PyTorch", `${environment.torch}, CUDA ${environment.cuda ?? "none"}`],
      ...environment.cudnn ? [["cuDNN", environment.cudnn] as const] : [],
      ...environment.allocator ? [["PyTorch's allocator", environment.allocator] as const] : [],
      ...environment.attention ? [["Attention in bf16", environment.attention] as const] : [],
      ...environment.timm ? [["timm", environment.timm] as const] : [],
      ["Python", environment.python],
      ["System", environment.os],
      ["Processor", environment.cpu],
    ]),
  ].join("\n\n") + "\n";
}

const ranOnAProcessor =
  "A processor ran this: its losses are right, its times say nothing of a GPU, and its memory was not counted.";

const measuredAgainst =
  "These rows are what Headroom's on the same device are to be measured against: `exact` against plain f32, " +
  "`recompute` and `mst` against what is checkpointed, `half` and `mesa8` against saved tensors in 16 and 8 bits, products of f16 " +
  "operands against autocast, and all of them against the fastest and the smallest row of any kind.";

/** Where PyTorch is the better choice, by what it reaches. */
function whereBetter(
  { environment }: PeersHeader,
  subjects: PeerRow[][],
  searches: ReturnType<typeof searchesOf>["searches"],
): string {
  const lengths = searches.flatMap((of) => {
    const rows = of.flatMap((search) => longest(search) ?? []).toSorted((a, b) => b.sequence - a.sequence);
    if (rows.length === 0) return [];
    return [
      `- **${searchedSubject(of)}**: longest is ${number(rows[0].sequence)} tokens by ${name(rows[0])}, ${
        reach(rows[0])
      }.`,
    ];
  });
  const lines = subjects.flatMap((rows) => {
    const [fast, small] = [fastest(rows), smallest(rows)];
    if (!fast) return [];
    const f32 = rows.filter(({ arithmetic }) => arithmetic === "f32");
    const told = (what: string, row: PeerRow | undefined) =>
      row ? [`${what} is ${name(row)}, ${reach(row)}`] : [];
    const texts = [
      ...told("fastest", fast),
      ...told("fastest in f32", fastest(f32)),
      ...told("smallest", small),
      ...told("smallest in f32", smallest(f32)),
    ];
    return [`- **${subject(fast)}**: ${texts.join("; ")}.`];
  }).concat(lengths);
  if (lines.length === 0) return "No row was measured: what failed is told below.";
  return `On ${environment.adapter} **PyTorch is the better choice** wherever these rows are faster, or smaller, than what is set ` +
    `beside them:\n\n${lines.join("\n")}`;
}

/** "448,000 tokens/s at 9,090 MiB" */
function reach({ speed, unit, peakBytes }: PeerRow): string {
  return `${number(speed!.median)} ${unit}/s${peakBytes === null ? "" : ` at ${mebibytes(peakBytes)} MiB`}`;
}

const mebibytes = (bytes: number) => number(bytes / 2 ** 20);

function howItWasMade(
  { command, started, environment: { commit, dirty } }: PeersHeader,
  rows: PeerRow[],
): string {
  const version = commit
    ? `commit ${commit.slice(0, 12)}${dirty ? " with uncommitted changes" : ""}`
    : "no git checkout";
  const rounds = rows.filter(({ failure }) => !failure).map(({ rounds }) => rounds);
  const [least, most] = rounds.length > 0 ? [Math.min(...rounds), Math.max(...rounds)] : [0, 0];
  return `Made by ${commandCode(command)} on ${started}, from ${version}: ${plural(rows.length, "row")}, ` +
    `${least < most ? `${least} to ` : ""}${
      plural(most, "round")
    } in turn; every sample is in \`results.jsonl\`.`;
}

/** The rows of a subject, those of an arithmetic together, as a markdown table. */
function rowTable(rows: PeerRow[]): string {
  const lines = [...Map.groupBy(rows, ({ arithmetic }) => arithmetic).values()].flat().map((row) => [
    row.arithmetic,
    row.form,
    row.compiled ? "yes" : "no",
    row.optimizer,
    row.speed ? ranged(row.speed) : statusWords[row.failure!.status],
    row.peakBytes === null ? "–" : mebibytes(row.peakBytes),
    `${row.rounds}`,
    row.compileSeconds === null ? "–" : number(row.compileSeconds),
  ]);
  const titles = [
    "arithmetic",
    "form",
    "compiled",
    "optimizer",
    `${rows[0].unit}/s`,
    "peak MiB",
    "rounds",
    "compiling, s",
  ];
  return markdownTable([titles, ...lines], { align: ["l", "l", "l", "l", "r", "r", "r", "r"] });
}

/** "54,000 (53,800–54,100)" */
function ranged({ median, smallest, largest }: Spread): string {
  return `${number(median)} (${number(smallest)}–${number(largest)})`;
}

/** Rounding alone makes first losses of f32 rows differ, by some units of the last place. */
const sameLoss = 1e-5;

/** Whether the f32 rows compute the same, and how far the two clocks lie apart. */
function agreement(rows: PeerRow[]): string[] {
  const told: string[] = [];
  const losses = rows.flatMap(({ arithmetic, firstLoss }) =>
    arithmetic === "f32" && firstLoss !== null ? [firstLoss] : []
  );
  if (losses.length > 1) {
    const difference = Math.max(...losses) / Math.min(...losses) - 1;
    told.push(
      difference <= sameLoss
        ? `All f32 rows begin with the same loss, ${losses[0].toFixed(4)}, to within ${
          difference.toExponential(1)
        } of it.`
        : `**The f32 rows do not compute the same**: their first losses differ by ${
          difference.toExponential(1)
        } of them.`,
    );
  }
  const behind = rows.flatMap(({ speed, wallSpeed }) => speed ? [1 - wallSpeed!.median / speed.median] : []);
  const most = Math.max(0, ...behind);
  if (most > 0) {
    told.push(`By the wall clock the rows are at most ${percentage(most)} slower than by the device's.`);
  }
  return told.length ? [told.join(" ")] : [];
}

function failures(rows: PeerRow[]): string[] {
  const lines = rows.flatMap((row) =>
    row.failure
      ? [[
        subject(row),
        name(row),
        statusWords[row.failure.status],
        row.failure.message.replaceAll("|", "\\|"),
      ]]
      : []
  );
  if (lines.length === 0) return [];
  return ["## What failed", markdownTable([["model", "row", "", "message"], ...lines])];
}

const howToReadLengths = namedList(Object.entries({
  "longest":
    "the longest sequence that was trained; where one **does not fit**, the two lie as near to each other as was asked for, else no longer one " +
    "was tried. Its speed is that of the steps after two short ones.",
  "bf16": "weights, gradients and both moments in bf16: no f32 copy of the weights stands behind them.",
  "pieces":
    "of MLP and head: as MST's paper or its code counts them (bench/peers/torch_llama.py); **checkpointed pieces** make those of the MLP " +
    "again one by one in backward, too.",
  "in backward":
    "each weight is updated as soon as its gradient is known, which then ends; nothing is clipped.",
}));

const howToRead = namedList(Object.entries({
  "tokens/s, images/s":
    "of each round the median step by the device's events (on a processor the wall clock's mean step); of the rounds " +
    "the median (smallest–largest). Losses are read once at the end of a round.",
  "peak MiB":
    "`torch.cuda.max_memory_allocated` over a round's steps, the largest of the rounds: weights, gradients, both moments of AdamW, " +
    "and whatever was alive beside them.",
  "TF32":
    "f32 whose products round their operands to 10 bits, on tensor cores; **f32** has that off. **autocast** computes most products in " +
    "16 bits, on f32 weights.",
  "compiled":
    "`torch.compile` in its default mode, with static shapes. **compiling** is its first step, which no other number contains.",
  "fused AdamW": "one kernel for all weights; **AdamW** is PyTorch's default.",
  "int8, half":
    "what autograd saves for backward in 8 bits (a range for each 256 values) or 16, by `saved_tensors_hooks`: " +
    "bench/peers/saved_tensors.py tells what is left alone.",
}));
