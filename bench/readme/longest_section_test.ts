import { assertEquals, assertStringIncludes } from "@std/assert";
import type { PeerRow } from "../report/peer_records.ts";
import type { CellMeasurement } from "../results/results.ts";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { longestSection } from "./longest_section.ts";
import { type Reports, sweepOf } from "./reports.ts";
import { rows } from "./testing.ts";

const gibibyte = 2 ** 30;
const row = (form: string, sequence: number, speed: number | null, gibibytes: number): PeerRow => ({
  ...{ model: "nano", batch: 1, sequence, unit: "tokens", arithmetic: "bf16", form, compiled: false },
  ...{ optimizer: "fused AdamW", rounds: 1, wallSpeed: null, compileSeconds: null, firstLoss: null },
  speed: speed === null ? null : { median: speed, smallest: speed, largest: speed },
  ...{ peakBytes: speed === null ? null : gibibytes * gibibyte, losses: [] },
  failure: speed === null ? { status: "oom", message: "out of memory" } : null,
});
const tried = [
  ...[row("plain", 512, 3000, 8), row("plain", 1024, null, 0)],
  ...[
    row("checkpointed", 1024, 2500, 12),
    row("checkpointed", 2048, 2000, 23),
    row("checkpointed", 4096, null, 0),
  ],
];
const peers: Reports["peers"] = {
  llama: {
    report: "reports/peers/report.md",
    commands: ["python3 bench/peers/torch_llama.py --memory 24"],
    adapter: "Imaginary 9000",
    commits: [],
    rows: tried,
  },
};
/** One sequence of so many tokens, a step in a second. */
const sweep = (
  sequence: number,
  model = "nano",
  parameters?: "bf16",
  status: CellMeasurement["status"] = "ok",
) =>
  sweepOf("reports/own/report.md", [{
    results: JSON.stringify(
      fakeRecord({
        model,
        sequence,
        batch: 1,
        policy: "mst8",
        arithmetic: "f16",
        ...parameters && { parameters },
      }, {
        status,
        timing: { ...fakeMeasurement().timing!, stepMilliseconds: [1000] },
        memory: { ...fakeMeasurement().memory!, bufferBytes: 24 * gibibyte },
      }),
    ),
    report: "",
  }]);

Deno.test("longestSection() sets the longest sequences of both programs side by side, the longest of each first", () => {
  const section = longestSection({
    sweeps: { longest24: sweep(5120, "nano-5120", "bf16") },
    peers,
  })!;
  assertStringIncludes(
    section,
    "Within 24 GiB of one Imaginary 9000 Headroom trained a sequence of 5,120 tokens of nano, and the longest that PyTorch did has 2,048 " +
      "(4,096 ran out of memory): **1.25–2.50×** as long. A step here runs at 5,120 tokens/s, PyTorch's at 2,000.\n\nHeadroom's way is `mst8`, " +
      "products in f16, weights in bf16; PyTorch's is bf16, checkpointed. What `mst8` keeps of a block in 8 bits, its input, PyTorch keeps in 16 or more in all these rows.",
  );
  assertEquals(rows(section).slice(2), [
    ["Headroom", "`mst8`, products in f16, weights in bf16", "5,120", "–", "24 GiB", "5,120"],
    ["PyTorch", "bf16, checkpointed", "2,048", "4,096", "23 GiB", "2,000"],
    ["PyTorch", "bf16, plain", "512", "1,024", "8 GiB", "3,000"],
  ]);
});

Deno.test("longestSection() says who is faster, who gets farther, and what PyTorch's rows keep wherever none keeps 8 bits", () => {
  const rows = [row("checkpointed, block inputs in int8", 8192, 51_200, 23), ...tried];
  const section = longestSection({
    sweeps: { longest24: sweep(5120, "nano-5120", "bf16") },
    peers: { llama: { ...peers.llama!, rows } },
  })!;
  assertStringIncludes(
    section,
    "did has 8,192: **0.63×** as long. **PyTorch is the better choice** in length and speed: its step runs at 51,200 tokens/s, 10.00× of the " +
      "5,120 here.\n\nHeadroom's way is `mst8`, products in f16, weights in bf16; PyTorch's is bf16, checkpointed, block inputs in int8. Nothing",
  );
  const told = (tokens: number, speed: number) =>
    longestSection({
      sweeps: { longest24: sweep(5120) },
      peers: {
        llama: { ...peers.llama!, rows: [row("checkpointed", tokens, speed, 23), ...tried.slice(0, 2)] },
      },
    })!;
  assertStringIncludes(
    told(8192, 2000),
    "**PyTorch is the better choice** in length: a step here runs at 5,120 tokens/s, its own at 2,000.",
  );
  assertStringIncludes(told(4096, 51_200), "**PyTorch is the better choice** in speed: its step");
});

Deno.test("longestSection() compares nothing across cards, and needs both programs", () => {
  const longest24 = sweep(5120);
  const elsewhere = { llama: { ...peers.llama!, adapter: "Imaginary 9001" } };
  assertEquals(longestSection({ sweeps: { longest24 }, peers: elsewhere }), null);
  assertEquals(longestSection({ sweeps: { longest24 }, peers: {} }), null);
  assertEquals(longestSection({ sweeps: {}, peers }), null);
});

Deno.test("longestSection() sets nothing beside what had more memory, and takes no run that failed", () => {
  const longest24 = sweep(5120);
  const whole = { llama: { ...peers.llama!, commands: ["python3 bench/peers/torch_llama.py"] } };
  assertEquals(longestSection({ sweeps: { longest24 }, peers: whole }), null);
  const less = { llama: { ...peers.llama!, commands: ["python3 bench/peers/torch_llama.py --memory 23"] } };
  assertEquals(longestSection({ sweeps: { longest24 }, peers: less }), null);
  const failed = sweep(5120, "nano", undefined, "diverged");
  assertEquals(longestSection({ sweeps: { longest24: failed }, peers }), null);
});
