import { assertEquals, assertMatch } from "@std/assert";
import { nominalOf } from "./nominal.ts";
import { type KernelTime, productsOfSteps, renderKernels } from "./kernel_report.ts";

const time = (changes: Partial<KernelTime>): KernelTime => ({
  ...{ name: "kernel", bound: "arithmetic", ceiling: false, work: 1e9, milliseconds: [1] },
  ...{ dispatches: 1, variants: {}, ...changes },
});

Deno.test("renderKernels() divides the work by the median time, by the fastest of its bound, and by the card's nominal rate", () => {
  const table = renderKernels([
    time({ name: "product", ceiling: true, work: 6e9, milliseconds: [9, 2, 1] }),
    time({ name: "slower product", ceiling: true, work: 2e9 }),
    time({ name: "attention", work: 1.5e9, milliseconds: [2], dispatches: 3, variants: { a: "x", b: "y" } }),
    time({ name: "copy", bound: "memory", ceiling: true, work: 4e9, milliseconds: [2] }),
    time({ name: "gelu", bound: "memory", work: 4e9, milliseconds: [2.5] }),
  ], { flops: 12e12, bytes: 4e12 });
  const rows = table.split("\n").slice(2).map((row) =>
    row.split("|").slice(1, -1).map((cell) => cell.trim())
  );
  assertEquals(rows, [
    ["product", "2.000", "3.00", "", "100%", "25%", "1", ""],
    ["slower product", "1.000", "2.00", "", "67%", "17%", "1", ""],
    ["attention", "2.000", "0.750", "", "25%", "6%", "3", "x, y"],
    ["copy", "2.000", "", "2.00", "100%", "50%", "1", ""],
    ["gelu", "2.500", "", "1.60", "80%", "40%", "1", ""],
  ]);
});

Deno.test("renderKernels() tells how long kernels took to compile, where that was measured", () => {
  const [header, , row, other] = renderKernels([time({ compileMilliseconds: 412.6 }), time({})]).split("\n");
  assertMatch(header, /compiled, ms \| +dispatches/);
  assertMatch(row, /\| +413 \| +1 \|/);
  assertMatch(other, /\| +\| +1 \|/);
  assertEquals(/compiled/.test(renderKernels([time({})])), false);
});

Deno.test("productsOfSteps() counts each product as often as a step makes it", () => {
  const times = [
    time({ name: "small: nn 4×4×4 (12×)", work: 1e9, milliseconds: [1, 1, 9] }),
    time({ name: "small: tn 4×4×8 (1×)", work: 8e9, milliseconds: [8] }),
    time({ name: "nano: nn 4×4×4 (2×)", work: 2e9, milliseconds: [1] }),
    time({ name: "product nn 4096³", work: 1e12, milliseconds: [1] }),
  ];
  assertEquals(productsOfSteps(times), [
    "The products of a step together: of small 1.00 TFLOP/s (20.0 ms) and of nano 2.00 TFLOP/s (2.00 ms).",
  ]);
  assertEquals(productsOfSteps([time({})]), []);
});

Deno.test("nominalOf() knows a card by its adapter's name, and says nothing of others", () => {
  assertEquals(nominalOf("NVIDIA H100 80GB HBM3"), { flops: 67e12, bytes: 3.35e12 });
  assertEquals(nominalOf("NVIDIA H200")?.bytes, 4.8e12);
  assertEquals(nominalOf("llvmpipe (LLVM 15.0.6, 256 bits)"), undefined);
});
