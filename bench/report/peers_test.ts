import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { renderPeers } from "./peers.ts";
import { outOfMemory, peersHeader, peersText, peerTurn } from "./peers_testing.ts";

const lineWith = (report: string, text: string) => report.split("\n").find((line) => line.includes(text));

Deno.test("The report opens with the fastest row and the smallest, of all and in f32", () => {
  const report = renderPeers(peersText([
    peerTurn(),
    peerTurn({ form: "int8", gpuMilliseconds: [20, 20], peakBytes: 2 ** 29 }),
    peerTurn({
      arithmetic: "bf16 autocast",
      form: "int8",
      gpuMilliseconds: [12.5, 12.5],
      peakBytes: 2 ** 28,
    }),
    peerTurn({ arithmetic: "bf16 autocast", compiled: true, gpuMilliseconds: [5, 5], peakBytes: 2 ** 31 }),
  ]));
  assertStringIncludes(report.split("\n\n")[1], "On NVIDIA H100 **PyTorch is the better choice**");
  assertEquals(
    lineWith(report, "- **small, 4 × 25**"),
    "- **small, 4 × 25**: fastest is bf16 autocast, plain, compiled, 20,000 tokens/s at 2,048 MiB; " +
      "fastest in f32 is f32, plain, 10,000 tokens/s at 1,024 MiB; smallest is bf16 autocast, int8, 8,000 tokens/s at 256 MiB; smallest in f32 is f32, int8, 5,000 tokens/s at 512 MiB.",
  );
});

Deno.test("Each model and shape has a table, rows of one arithmetic together", () => {
  const report = renderPeers(peersText([
    peerTurn(),
    peerTurn({ arithmetic: "TF32", gpuMilliseconds: [8, 8] }),
    peerTurn({ compiled: true, optimizer: "AdamW", compileSeconds: 21.234 }),
    peerTurn({ model: "deit-tiny", unit: "images" }),
    peerTurn({ round: 1, gpuMilliseconds: [20, 20] }),
  ]));
  const rows = report.split("\n").filter((line) => /^\| (arithmetic|f32|TF32)/.test(line))
    .map((line) => line.split("|").slice(1, -1).map((cell) => cell.trim()));
  assertEquals(rows, [
    ["arithmetic", "form", "compiled", "optimizer", "tokens/s", "peak MiB", "rounds", "compiling, s"],
    ["f32", "plain", "no", "fused AdamW", "7,500 (5,000–10,000)", "1,024", "2", "–"],
    ["f32", "plain", "yes", "AdamW", "10,000 (10,000–10,000)", "1,024", "1", "21.2"],
    ["TF32", "plain", "no", "fused AdamW", "12,500 (12,500–12,500)", "1,024", "1", "–"],
    ["arithmetic", "form", "compiled", "optimizer", "images/s", "peak MiB", "rounds", "compiling, s"],
    ["f32", "plain", "no", "fused AdamW", "400 (400–400)", "1,024", "1", "–"],
  ]);
  assertEquals(report.split("\n").filter((line) => line.startsWith("## small")), ["## small, 4 × 25"]);
});

Deno.test("The report tells whether the f32 rows compute the same", () => {
  const withLoss = (firstLoss: number, arithmetic = "f32") =>
    peerTurn({ form: `from ${firstLoss}`, firstLoss, arithmetic });
  const same = renderPeers(peersText([withLoss(10), withLoss(10.00005), withLoss(11, "TF32")]));
  assertStringIncludes(same, "All f32 rows begin with the same loss, 10.0000, to within 5.0e-6 of it.");
  const other = renderPeers(peersText([withLoss(10), withLoss(10.002)]));
  assertStringIncludes(
    other,
    "**The f32 rows do not compute the same**: their first losses differ by 2.0e-4",
  );
});

Deno.test("The report tells how far the wall clock lies behind the device's", () => {
  const report = renderPeers(peersText([peerTurn(), peerTurn({ form: "other", wallMilliseconds: 25 })]));
  assertStringIncludes(report, "By the wall clock the rows are at most 20.00% slower than by the device's.");
});

Deno.test("What failed stands in its row and, with its message, in a table of its own", () => {
  const report = renderPeers(peersText([peerTurn(), peerTurn({ form: "wide", ...outOfMemory })]));
  assert(/\| f32 +\| wide +\| no +\| fused AdamW +\| +out of memory \|/.test(report), report);
  assert(
    /\| small, 4 × 25 \| f32, wide \| out of memory \| CUDA out of memory \\\| tried 2 GiB \|/.test(report),
    report,
  );
  const nothing = renderPeers(peersText([peerTurn(outOfMemory)]));
  assertStringIncludes(nothing, "No row was measured");
  assert(!renderPeers(peersText([peerTurn()])).includes("What failed"));
});

Deno.test("The report names the command, the versions and the commit", () => {
  const report = renderPeers(peersText([peerTurn()]));
  assertStringIncludes(
    report,
    "Made by `python3 bench/peers/torch_gpt2.py --model small` on 2026-11-25T01:02:03Z, from commit 0123456789ab:",
  );
  assertStringIncludes(report, "- **PyTorch**: 2.11.0, CUDA 13.0");
});

Deno.test("A processor's report claims nothing", () => {
  const environment = { ...peersHeader.environment, adapter: "the processor", adapterClass: "software" };
  const turn = peerTurn({ gpuMilliseconds: null, peakBytes: null });
  const report = renderPeers(peersText([turn], { ...peersHeader, environment }));
  assert(!report.includes("better choice"));
  assertStringIncludes(report, "## small, 4 × 25 (a processor: not a performance result)");
});

const lengths = (form: string, most: number, tried: number[]) =>
  tried.map((sequence) => {
    const size = { model: "llama-1b", batch: 1, sequence, arithmetic: "bf16", form };
    return sequence > most
      ? peerTurn({ ...size, ...outOfMemory })
      : peerTurn({ ...size, peakBytes: sequence * 2 ** 20 });
  });

Deno.test("Rows that were tried at several lengths tell the longest, and what does not fit", () => {
  const turns = [
    ...lengths("plain", 4096, [4096, 8192, 6144]),
    ...lengths("checkpointed", 16384, [4096, 8192, 16384]),
  ];
  const report = renderPeers(peersText([peerTurn(), ...turns]));
  assertStringIncludes(report, "## How long a sequence may be: llama-1b, batch 1");
  const rows = report.split("\n").map((line) => line.split("|").map((text) => text.trim()).slice(1, -1));
  const ends = rows.filter(([arithmetic]) => arithmetic === "bf16");
  assertEquals(ends, [
    ["bf16", "plain", "fused AdamW", "4,096", "409,600", "4,096", "6,144: out of memory"],
    ["bf16", "checkpointed", "fused AdamW", "16,384", "1,638,400", "16,384", "–"],
  ]);
  assertEquals(rows.filter(([tokens]) => tokens === "4,096").length, 2, "each length stands below");
  assertStringIncludes(
    report,
    "- **llama-1b, batch 1**: longest is 16,384 tokens by bf16, checkpointed, 1,638,400 tokens/s at 16,384 MiB.",
  );
  assert(!report.includes("What failed"), "the end of a search is no failure");
  assertStringIncludes(report, "## small, 4 × 25");
});

Deno.test("What fails of a search but for want of memory is told", () => {
  const [first, second] = lengths("plain", 8192, [4096, 8192]);
  const failed = { ...second, ...outOfMemory, status: "error" as const, message: "no kernel" };
  assertStringIncludes(renderPeers(peersText([first, failed])), "no kernel");
});
