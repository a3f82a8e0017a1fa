import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { LongestSequence, LongestSequences } from "../results/run_header.ts";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { compare } from "./cell_rounds.ts";
import { longestSection, longestSentence } from "./longest.ts";

const small = { update: "backward", clipBy: "last", parameters: "bf16", moments: "8bit" } as const;
const GiB = 2 ** 30;

const one = (policy: string, sequence: number, changes: Partial<LongestSequence> = {}): LongestSequence => ({
  model: "llama3-8b",
  batch: 1,
  policy,
  update: "backward",
  clipBy: "last",
  sequence,
  memory: {
    ...fakeMeasurement().memory!,
    liveAtPeak: { parameters: 30 * GiB, saved: 40 * GiB, head: GiB, control: GiB },
    bufferBytes: 77 * GiB,
  },
  limit: { of: "memory", wanted: 79 * GiB, most: 78 * GiB },
  ...changes,
});
const buffer = {
  of: "buffer",
  wanted: 4.25 * GiB,
  most: 4 * GiB,
  tensor: "model.layers.0.attn.qkv",
} as const;
const longest: LongestSequences = {
  unit: 1024,
  found: [
    one("exact", 0),
    one("recompute", 2048),
    one("exact", 4096, small),
    one("recompute", 30720, { ...small, limit: buffer }),
    one("mst", 40960, small),
  ],
};

/** A record of a model with as many positions as tokens, that took so many seconds a step. */
const record = (policy: string, sequence: number, seconds: number | null, changes = {}) =>
  fakeRecord({ model: `llama3-8b-${sequence}`, batch: 1, sequence, policy, ...small, ...changes }, {
    timing: seconds === null ? null : {
      ...fakeMeasurement().timing!,
      stepMilliseconds: [1000 * seconds],
    },
    ...seconds === null && { status: "timeout", message: "Not finished" },
  });

const records = [
  record("recompute", 30720, 10),
  record("mst", 30720, 12.5),
  record("mst", 40960, null),
  record("exact", 4096, 2),
  record("recompute", 4096, 4),
  record("mst", 4096, 5),
  record("recompute", 30720, 1, { moments: "bf16" }), // of other choices
  record("mst", 65536, 1, { model: "llama2-7b-65536" }), // of another model
];

const section = longestSection({ longest, memory: 78 * GiB }, compare(records))!;
const rows = (heading: RegExp) => {
  const block = section.split("\n\n").find((text) => heading.test(text))!;
  return block.split("\n").slice(2).map((line) => line.split("|").slice(1, -1).map((text) => text.trim()));
};

Deno.test("longestSection() puts what is published, what fits by plan and what trained side by side", () => {
  assertEquals(rows(/^\| model .*bytes a parameter/), [
    ["llama3-8b", "MST, published: bf16", "6", "longest", "5 K", "14 K", "60 K"],
    ["", "f32 weights, f32 moments", "12", "longest by plan", "none", "2,048", "–"],
    ["", "", "", "limited by", "memory", "memory", "–"],
    ["", "bf16 weights, 8-bit moments", "4.03", "longest by plan", "4,096", "30,720", "40,960"],
    ["", "", "", "limited by", "memory", "one buffer", "memory"],
    ["", "", "", "longest trained", "4,096", "30,720", "30,720; 40,960: timed out"],
    ["", "", "", "tokens/s there", "2,048", "3,072", "2,458"],
  ]);
  assertStringIncludes(
    section,
    "The longest multiples of 1,024 tokens that fit in 78 GiB by plan; gradients are f32; update in backward; clipping by the last step's norm.",
  );
});

Deno.test("longestSection() says where a single step proves a length, and that other lengths are by plan alone", () => {
  const told = (steps: object) => {
    const cells = [record("recompute", 30720, 10, steps), record("exact", 2048, 1)];
    return longestSection({ longest, memory: 78 * GiB }, compare(cells))!.includes("by plan alone");
  };
  assertEquals(told({ warmupSteps: 0, timedSteps: 1 }), true);
  assertEquals([told({ warmupSteps: 1, timedSteps: 1 }), told({ warmupSteps: 0, timedSteps: 3 })], [
    false,
    false,
  ]);
});

Deno.test("longestSection() tells what pieces cost by length, of what trained both ways", () => {
  assertEquals(rows(/^\| model .*tokens\/s, `recompute`/), [
    ["llama3-8b", "bf16 weights, 8-bit moments", "4,096", "1,024", "0.80× (no interval)", "–"],
    ["llama3-8b", "bf16 weights, 8-bit moments", "30,720", "3,072", "0.80× (no interval)", "–"],
  ]);
  const alone = longestSection({ longest, memory: 78 * GiB }, compare(records.slice(3, 4)))!;
  assertEquals(alone.includes("MLP and head in pieces"), false);
});

Deno.test("longestSection() tells the bytes of each plan, and what is wanting beyond", () => {
  const lines = rows(/^\| model .*policy/);
  assertEquals(lines.length, 5);
  assertEquals(lines[0].slice(2), [
    ...["exact", "memory of 78 GiB, by 1 GiB", "none"],
    ...["30 GiB", "–", "–", "40 GiB", "–", "–", "2 GiB", "77 GiB"],
  ]);
  assertEquals(lines[3][3], "one buffer of 4 GiB, by 256 MiB (`model.layers.0.attn.qkv`)");
});

Deno.test("longestSection() names sources and differences where a figure is published, and nowhere else", () => {
  for (const word of ["arXiv 2407.15892", "StreamBP", "ALST", "OOMB"]) assertStringIncludes(section, word);
  const own = { ...longest, found: longest.found.map((one) => ({ ...one, model: "llama-nano" })) };
  const alone = longestSection({ longest: own }, compare(records))!;
  assertEquals([alone.includes("published"), alone.includes("StreamBP")], [false, false]);
  assert(alone.includes("| llama-nano |"));
  const ofFour = { ...longest, found: longest.found.map((one) => ({ ...one, batch: 4 })) };
  const batches = longestSection({ longest: ofFour }, compare(records))!;
  assertEquals([batches.includes("5 K"), batches.includes("llama3-8b, 4 sequences")], [false, true]);
});

Deno.test("longestSection() and longestSentence() are null where no lengths were looked for", () => {
  assertEquals([longestSection({ memory: GiB }, []), longestSentence({}, [])], [null, null]);
  assertEquals(longestSection({ longest: { unit: 64, found: [] } }, []), null);
});

Deno.test("longestSentence() tells of each model the longest by plan and the longest trained", () => {
  const found = [...longest.found, one("exact", 0, { model: "llama2-7b" })];
  assertEquals(
    longestSentence({ longest: { ...longest, found }, memory: 78 * GiB }, compare(records)),
    "In 78 GiB a step trained 30,720 tokens of llama3-8b, under `recompute` and `mst` with bf16 weights, 8-bit moments; by plan there is room for " +
      "40,960 tokens of llama3-8b, under `mst` with bf16 weights, 8-bit moments; no sequence of llama2-7b fits.",
  );
});

Deno.test("longestSentence() names all that share the longest", () => {
  const found = [
    ...["exact", "mesa8"].map((policy) => one(policy, 64)),
    ...["exact", "mst", "mst8"].map((policy) => one(policy, 128, small)),
    one("exact", 128, { moments: "8bit" }),
  ];
  const told = (records: Parameters<typeof compare>[0]) =>
    longestSentence({ longest: { unit: 64, found } }, compare(records));
  const most =
    "y plan there is room for 128 tokens of llama3-8b, under `exact`, `mst` and `mst8` with bf16 weights, 8-bit moments, and " +
    "under `exact` with f32 weights, 8-bit moments.";
  assertEquals(told([]), `B${most}`);
  const all = ["exact", "mst"].map((policy) => record(policy, 64, 1));
  assertEquals(
    told([...all, record("mst8", 32, 1)]),
    `A step trained 64 tokens of llama3-8b, under \`exact\` and \`mst\` with bf16 weights, 8-bit moments; b${most}`,
  );
});

Deno.test("longestSection() takes no length for trained whose losses diverged", () => {
  const [diverged] = [record("mst", 40960, 1)].map((one) => ({ ...one, status: "diverged" as const }));
  const text = longestSection({ longest }, compare([record("mst", 30720, 12.5), diverged]))!;
  const line = text.split("\n").find((line) => line.includes("longest trained"))!;
  assertEquals(line.split("|").at(-2)!.trim(), "30,720; 40,960: diverged");
});
