import { assertEquals } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { describeFits, type FitRow } from "./fit_tables.ts";

const row = (wantedBytes: number): FitRow => ({
  ...{ model: "small", policy: "exact", largest: "batch", memoryBytes: 2 ** 34, memorySource: "driver" },
  ...{ batch: 9, sequence: 1024, layers: 12, width: 768, bufferBytes: 2 ** 33, limit: "memory" },
  ...{ next: { size: 10, message: "no", wantedBytes }, adapterClass: "gpu", runtime: "native" },
});

Deno.test("describeFits() tells by how much the next size exceeds the memory, or lies within it where the device refused it", () => {
  const told = (wantedBytes: number) =>
    describeFits([row(wantedBytes)], gpuWith(typicalGpuLimits), "a card").split("\n").at(-1)!.split("|").at(
      8,
    )!.trim();
  assertEquals(told(2 ** 34 + 3 * 2 ** 30), "3 GiB");
  assertEquals(told(2 ** 34 - 3 * 2 ** 30), "3 GiB within it");
});
