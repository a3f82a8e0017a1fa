import { assertEquals, assertStringIncludes } from "@std/assert";
import { type FakeCombination, fakeCombinations, fakeFrontier } from "../report/frontier_testing.ts";
import type { PeerRow } from "../report/peer_records.ts";
import { fakeHeader, fakeImageRecord, fakeRecord } from "../results/testing.ts";
import { peersSection } from "./peers_section.ts";
import { type Reports, sweepOf } from "./reports.ts";
import { card, measured, mebibyte, rows, sweep, trained } from "./testing.ts";

const peer = (form: string, speed: number, mebibytes: number, changes: Partial<PeerRow> = {}): PeerRow => ({
  ...{ model: "nano", batch: 4, sequence: 128, unit: "tokens", arithmetic: "f32", form, compiled: false },
  ...{
    optimizer: "fused AdamW",
    rounds: 1,
    wallSpeed: null,
    compileSeconds: null,
    firstLoss: null,
    losses: [],
    failure: null,
  },
  ...{ speed: { median: speed, smallest: speed, largest: speed }, peakBytes: mebibytes * mebibyte },
  ...changes,
});

/** `exact` in 400 MiB at 51 200 tokens/s, `mesa8` in 200 MiB at 25 600. */
const contest = (...rows: PeerRow[]): Reports => ({
  sweeps: {
    text: sweep(
      fakeRecord({}, measured(1, 1, 400, 10)),
      fakeRecord({ policy: "mesa8" }, measured(1, 1, 200, 20)),
    ),
  },
  peers: { gpt2: { ...card, adapter: "Imaginary 9000", rows } },
});

Deno.test("peersSection() says for which models PyTorch is the better choice, and which policy no row of it beats", () => {
  const plain = peer("plain", 102400, 800);
  const compiled = peer("plain", 204800, 300, { arithmetic: "bf16 autocast", compiled: true });
  const int8 = peer("int8, loss in chunks", 12800, 100);
  const open = peersSection(contest(plain, compiled, int8))!;
  assertStringIncludes(
    open,
    "no row of PyTorch here is faster and smaller than Headroom's `mesa8` (nano at 4 × 128).",
  );
  assertStringIncludes(
    open,
    "**PyTorch is the better choice** in speed alone, by 4.00× (`exact` against bf16 autocast, plain, compiled); " +
      "in memory alone, by 2.00× (`mesa8` against f32, int8, loss in chunks); " +
      "its bf16 autocast, plain, compiled alone is faster and smaller than 1 of Headroom's 2 ways (nano at 4 × 128); no",
  );
  assertEquals(rows(open).slice(2), [
    ["`exact`", "f32, plain", "0.50×", "0.50×", "1"],
    ["`mesa8`", "f32, int8, loss in chunks", "2.00×", "2.00×", "1"],
    ["fastest in f32: `exact`", "f32, plain", "0.50×", "0.50×", "1"],
    ["fastest: `exact`", "bf16 autocast, plain, compiled", "0.25×", "1.33×", "1"],
    ["smallest: `mesa8`", "f32, int8, loss in chunks", "2.00×", "2.00×", "1"],
  ]);
  const wild = peer("int8, loss in chunks", 25000, 100, {
    speed: { median: 25000, smallest: 20000, largest: 30000 },
  });
  assertStringIncludes(
    peersSection(contest(plain, compiled, wild))!,
    "alone is faster and smaller than 1 of Headroom's 2 ways (nano at 4 × 128); PyTorch's rounds lie too far apart to say so of `mesa8` (nano at 4 × 128).",
  );
  const small = peer("checkpointed", 30000, 150, { arithmetic: "TF32" });
  const lost = peersSection(contest(plain, compiled, small))!;
  assertStringIncludes(lost, "in both at once: to each of `exact` and `mesa8` here it has");
  assertEquals(lost.includes("f32 alone"), false);
  assertStringIncludes(
    lost,
    "### Beside PyTorch\n\n**PyTorch is the better choice** in speed alone by 4.00× (GPT-2), in memory alone by 1.33× (GPT-2) and in both at once " +
      "(nano at 4 × 128). One row alone is faster and smaller than 1 of Headroom's 2 ways (nano at 4 × 128).\n\n**GPT-2.**",
  );
  const lostInF32 = peersSection(contest(peer("checkpointed", 60000, 150)))!;
  const behind = peersSection(contest(peer("plain", 40000, 500)))!;
  assertEquals(behind.includes("better choice"), false);
  assertStringIncludes(lostInF32, "its rows in f32 alone suffice for that.");
});

Deno.test("peersSection() counts no cell that failed as a way to train", () => {
  const failed = fakeRecord({ policy: "mesa2" }, { ...measured(1, 1, 100, 5), status: "error" });
  const { sweeps, peers } = contest(peer("plain", 60000, 300));
  const text = sweep(fakeRecord({}, measured(1, 1, 400, 10)), failed);
  const section = peersSection({ sweeps: { ...sweeps, text }, peers })!;
  assertEquals(section.includes("mesa2"), false, section);
});

Deno.test("peersSection() counts neither weights in fewer bits, as PyTorch's are in f32, nor what ends training worse", () => {
  const { sweeps, peers } = contest(peer("plain", 102400, 100));
  const cells = [
    fakeRecord({ policy: "half", parameters: "bf16" }, measured(1, 1, 90, 10)),
    fakeRecord({ policy: "mesa2" }, measured(1, 1, 90, 10)),
    fakeRecord({ policy: "mst8" }, measured(1, 1, 90, 10)),
  ];
  const quality = sweep(
    ...trained("exact", [1, 2, 3]),
    ...trained("mesa2", [2, 3, 4]),
    ...trained("mst8", [1, 2, 3]),
  );
  const reports = {
    sweeps: { ...sweeps, frontierNative: sweep(fakeRecord({}, measured(1, 1, 400, 10)), ...cells), quality },
    peers,
  };
  assertStringIncludes(
    peersSection(reports)!,
    "no row of PyTorch here is faster and smaller than Headroom's `mst8` (nano at 4 × 128).",
  );
});

Deno.test("peersSection() sets products in f16 beside those in f32, under whichever runtime, by name", () => {
  const inF32 = contest(peer("plain", 102400, 100));
  const inF16 = fakeRecord({ arithmetic: "f16" }, measured(1, 1, 400, 5));
  const { environment } = inF16;
  const stepsF16 = sweep({ ...inF16, environment: { ...environment, runtime: "dawn" } });
  const reports = { ...inF32, sweeps: { ...inF32.sweeps, stepsF16 } };
  assertEquals(rows(peersSection(reports)!).slice(2), [
    ["`exact`", "f32, plain", "0.50×", "4.00×", "1"],
    ["fastest in f32: `exact`", "f32, plain", "0.50×", "4.00×", "1"],
    ["fastest: `exact` in f16", "f32, plain", "1.00×", "4.00×", "1"],
    ["smallest: `mesa8`", "f32, plain", "0.25×", "2.00×", "1"],
  ]);
  assertStringIncludes(
    peersSection(reports)!,
    "no row of PyTorch here is faster and smaller than Headroom's `exact` in f16 (nano at 4 × 128).",
  );
});

Deno.test("peersSection() names the reports of PyTorch's rows and of Headroom's that it took, and no others", () => {
  const reports = contest(peer("plain", 102400, 100));
  const named = (report: string, ...cells: Parameters<typeof sweep>) => ({ ...sweep(...cells), report });
  const [exact, other] = [{}, { model: "micro" }].map((of) => fakeRecord(of, measured(1, 1, 400, 10)));
  reports.sweeps = {
    ...{ stepsNative: named("native/report.md", exact), text: named("text/report.md", exact) },
    stepsF16: named("f16/report.md", other),
  };
  const linked = [...peersSection(reports)!.matchAll(/^- \[report\]\((.*?)\)/gm)].map(([, path]) => path);
  assertEquals(linked, ["r", "native/report.md"]);
});

Deno.test("peersSection() counts nothing that diverged in one sweep as a way to train by another", () => {
  const { sweeps, peers } = contest(peer("int8", 60000, 300));
  const lost = fakeRecord({ policy: "mesa8" }, { ...measured(1, 1, 200, 20), status: "diverged" });
  const frontierNative = sweep(fakeRecord({}, measured(1, 1, 400, 10)), lost);
  const rounded = { ...lost, configuration: { ...lost.configuration, parameters: "bf16" as const } };
  const stepsNative = sweep(fakeRecord({}, measured(1, 1, 400, 10)), rounded);
  assertStringIncludes(peersSection({ sweeps: { ...sweeps, stepsNative }, peers })!, "| `mesa8`");
  const section = peersSection({ sweeps: { ...sweeps, frontierNative }, peers })!;
  assertStringIncludes(
    section,
    "Left out, for training or its gradient diverged in a sweep: `mesa8` (nano at 4 × 128).",
  );
  assertEquals(section.split("`mesa8`").length, 2, section);
  assertStringIncludes(peersSection({ sweeps, peers })!, "mesa8");
});

Deno.test("peersSection() compares nothing across cards", () => {
  const reports = contest(peer("plain", 1, 1));
  reports.peers.gpt2!.adapter = "Imaginary 9001";
  assertEquals(peersSection(reports), null);
});

Deno.test("peersSection() calls a frontier's combination by its policy and arithmetic, as it does another sweep's", () => {
  const combinations: FakeCombination[] = [
    { name: "exact", policy: "exact", memory: 8, time: 1 },
    { name: "exact + f16", policy: "exact", memory: 8.0625, time: 0.25, choices: { arithmetic: "f16" } },
  ];
  const records = fakeCombinations(combinations);
  const header = fakeHeader(records, fakeFrontier(combinations, []));
  const results = [header, ...records].map((line) => JSON.stringify(line)).join("\n");
  const frontier = sweepOf("reports/frontier/report.md", [{ results, report: "" }]);
  const { peers } = contest(peer("plain", 60000, 300));
  assertEquals(rows(peersSection({ sweeps: { frontier }, peers })).slice(3).map(([own]) => own), [
    "fastest in f32: `exact`",
    "fastest: `exact` in f16",
    "smallest: `exact` in f16",
  ]);
});

Deno.test("peersSection() opens with both families: by how much, what one row beats, and which ways none beats wherever they were measured", () => {
  const deit = (policy: string, mebibytes: number, step: number) =>
    fakeImageRecord({ policy }, measured(1, 1, mebibytes, step));
  const [{ model, batch, sequence }] = [deit("exact", 400, 10).configuration];
  const images = { model, batch, sequence, unit: "images" as const };
  const { sweeps, peers } = contest(peer("plain", 204800, 300), peer("int8", 12800, 100));
  const vision = sweep(...[deit("exact", 400, 10), deit("mesa8", 200, 20), deit("half", 300, 10)]);
  const faster = peer("plain", 800, 350, images); // exact's 400 images/s in 400 MiB
  const section = peersSection({
    sweeps: { ...sweeps, vision },
    peers: { ...peers, deit: { ...card, adapter: "Imaginary 9000", rows: [faster] } },
  })!;
  assertEquals(
    section.split("\n\n")[1],
    "**PyTorch is the better choice** in speed alone by 4.00× (GPT-2) and 2.00× (DeiT) and in memory alone by 2.00× (GPT-2). One row alone is " +
      `faster and smaller than 1 of Headroom's 2 ways (nano at 4 × 128) and 1 of 3 (${model} at ${batch} × ${sequence}). None is faster and ` +
      "smaller than `mesa8` and `half`, where these were measured.",
  );
  const beaten = peersSection({
    sweeps: { ...sweeps, vision },
    peers: {
      ...peers,
      deit: { ...card, adapter: "Imaginary 9000", rows: [{ ...faster, peakBytes: 100 * mebibyte }] },
    },
  })!;
  assertStringIncludes(
    beaten.split("\n\n")[1],
    `in both at once (${model} at ${batch} × ${sequence}). One row`,
  );
  assertEquals(beaten.split("\n\n")[1].includes("None is"), false);
});

const gpt2 = (...rows: PeerRow[]) => ({ gpt2: { ...card, adapter: "Imaginary 9000", rows } });
const exact = fakeRecord({}, measured(1, 1, 400, 10));

Deno.test("peersSection() tells by how much from the smallest to the largest, whatever the order of models", () => {
  const micro = { ...fakeRecord({ batch: 8 }, measured(1, 1, 400, 10)) };
  const both = [peer("plain", 204800, 800), peer("plain", 204800, 800, { batch: 8 })]; // 4.00× and 2.00×
  assertStringIncludes(
    peersSection({ sweeps: { text: sweep(exact, micro) }, peers: gpt2(...both) })!,
    "in speed alone, by 2.00× (`exact` of nano at 8 × 128 against f32, plain) to 4.00× (`exact` of nano at 4 × 128 against f32, plain)",
  );
});

Deno.test("peersSection() sets beside a policy no row that is compiled", () => {
  const some = [peer("plain", 204800, 300, { compiled: true }), peer("plain", 102400, 800)];
  assertEquals(rows(peersSection({ sweeps: { text: sweep(exact) }, peers: gpt2(...some) }))[2], [
    "`exact`",
    "f32, plain",
    "0.50×",
    "0.50×",
    "1",
  ]);
});

Deno.test("peersSection() sets beside f32's rows no policy in f16, whichever sweep comes first", () => {
  const in16 = fakeRecord({ arithmetic: "f16" }, measured(1, 1, 400, 5));
  const sweeps = { frontierNative: sweep(in16), text: sweep(exact) };
  assertEquals(rows(peersSection({ sweeps, peers: gpt2(peer("plain", 102400, 800)) }))[2], [
    "`exact`",
    "f32, plain",
    "0.50×",
    "0.50×",
    "1",
  ]);
});

Deno.test("no row of PyTorch's in as many bytes is smaller", () => {
  assertStringIncludes(
    peersSection({ sweeps: { text: sweep(exact) }, peers: gpt2(peer("plain", 102400, 400)) })!,
    "no row of PyTorch here is faster and smaller than Headroom's `exact`",
  );
});
