/** What a card can do and hold, found in a few seconds. */

import { freeOfCard } from "../machine/card_memory.ts";
import { builderOptionsFor } from "../../src/gpu/builder.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import type { Card } from "../sweep/fitting_sweep.ts";
import { runBackToBack, withCase } from "./case_program.ts";
import { type KernelCase, kernelCases } from "./kernel_cases.ts";

/** Milliseconds that a burst of runs takes at least: a wait alone takes ten. */
const burst = 300;
const bursts = 3;

/** A product that is large enough for a big card, and a copy that no cache holds; on a software adapter less. */
const sizes = {
  gpu: { product: 2048, rows: 65536, cols: 1024 },
  software: { product: 256, rows: 1024, cols: 256 },
};

/** Times a product and a copy, and asks how much memory is free. */
export async function measureCard(gpu: Gpu): Promise<Card> {
  const ceilings = kernelCases(sizes[gpu.adapter.class]).filter(({ ceiling }) => ceiling);
  const rate = (bound: KernelCase["bound"]) => rateOf(gpu, ceilings.find((one) => one.bound === bound)!);
  return {
    flops: await rate("arithmetic"),
    bytes: await rate("memory"),
    memory: await freeMemory(gpu),
    builder: builderOptionsFor(gpu),
  };
}

/** Work a second in the fastest of some bursts: at first a card is slow, since it was idle. */
async function rateOf(gpu: Gpu, given: KernelCase): Promise<number> {
  return await withCase(gpu, given, builderOptionsFor(gpu), async ({ program }) => {
    const rates: number[] = [];
    for (let runs = 1; rates.length < bursts;) {
      const milliseconds = await runBackToBack(gpu, program, runs);
      if (milliseconds < burst) runs *= 2;
      else rates.push(1000 * runs * given.work / milliseconds);
    }
    gpu.checkHealth();
    return Math.max(...rates);
  });
}

/**
 * Bytes that buffers may take. WebGPU does not tell: it is what NVIDIA's driver says to be free. Elsewhere one buffer's limit, which drivers set
 * below what a card has, and half of what the system has free.
 */
async function freeMemory({ limits, adapter }: Gpu): Promise<number> {
  return await freeOfCard(adapter.name) ??
    Math.min(limits.maxBufferSize, Deno.systemMemoryInfo().available / 2);
}
