import { markdownTable } from "markdown-table";
import { median } from "simple-statistics";
import { Random } from "../src/data/random.ts";
import { UserError } from "../src/errors.ts";
import { BufferSet } from "../src/gpu/buffers.ts";
import { builderOptionsFor, ProgramBuilder } from "../src/gpu/builder.ts";
import type { Gpu } from "../src/gpu/device.ts";
import { Program } from "../src/gpu/program.ts";
import { type Store, tensorBytes } from "../src/gpu/tensor.ts";
import { percentage } from "./format.ts";
import { type CaseSizes, type KernelCase, kernelCases } from "./kernel_cases.ts";

/** How one case ran. */
export interface KernelTime {
  name: string;
  bound: KernelCase["bound"];
  ceiling: boolean;
  /** Floating-point operations or bytes. */
  work: number;
  /** Raw, in order; all dispatches of the case together. */
  milliseconds: number[];
  dispatches: number;
}

/** Milliseconds for which a case runs before it is timed: an idle card is slow at first. */
const warmUp = 300;
const repeats = 20;

/** Sizes for a GPU (working sets of 512 MiB and more), and for a software adapter. */
export const caseSizes = (adapterClass: "gpu" | "software"): CaseSizes =>
  adapterClass === "gpu"
    ? { product: 4096, rows: 131072, cols: 1024 }
    : { product: 256, rows: 1024, cols: 256 };

/** Runs every case on the device, each alone in memory. */
export async function timeKernels(
  gpu: Gpu,
  sizes: CaseSizes,
  onCase: (time: KernelTime) => void | Promise<void>,
): Promise<void> {
  if (!gpu.timestamps) {
    throw new UserError("This adapter has no timestamps; run `bench kernels` on one that has");
  }
  const numbers = noise(sizes.rows * sizes.cols);
  for (const given of kernelCases(sizes)) await onCase(await timeCase(gpu, given, numbers));
}

/** Normal numbers, the same 65 536 over and over: zeros would let the card draw less power. */
function noise(count: number): Float32Array<ArrayBuffer> {
  const random = new Random(1);
  const block = Float32Array.from({ length: Math.min(count, 2 ** 16) }, () => random.normal());
  const all = new Float32Array(count);
  for (let at = 0; at < count; at += block.length) all.set(block.subarray(0, count - at), at);
  return all;
}

async function timeCase(
  gpu: Gpu,
  given: KernelCase,
  numbers: Float32Array<ArrayBuffer>,
): Promise<KernelTime> {
  const builder = new ProgramBuilder(given.name, { ...builderOptionsFor(gpu), keepAll: true });
  const filled = given.emit(builder);
  const description = builder.build();
  const stores = new BufferSet<Store>(gpu);
  await stores.allocate(
    description.stores.map((s) => ({ key: s, name: s.name, account: s.category, bytes: s.bytes })),
  );
  const program = await Program.create(gpu, description, stores);
  try {
    for (const tensor of filled) program.write(tensor, numbers.subarray(0, tensorBytes(tensor) / 4));
    // Back to back, without a wait: a card that idles between runs lowers its clock.
    for (const started = performance.now(); performance.now() - started < warmUp;) {
      for (let i = 0; i < repeats; i++) program.run();
      await gpu.device.queue.onSubmittedWorkDone();
    }
    for (let i = 0; i < repeats; i++) program.run();
    const timed = await program.profile(repeats);
    const milliseconds = Array.from(
      { length: repeats },
      (_, i) => timed.reduce((sum, dispatch) => sum + dispatch.milliseconds[i], 0),
    );
    const { name, bound, work, ceiling = false } = given;
    return { name, bound, ceiling, work, milliseconds, dispatches: timed.length };
  } finally {
    program.destroy();
    stores.destroy();
  }
}

/** Work per second of a case, in T. */
const rate = ({ work, milliseconds }: KernelTime) => work / median(milliseconds) / 1e9;

/** The cases as a markdown table: time, rate, and the share of the fastest case of the same bound that is a ceiling. */
export function renderKernels(times: readonly KernelTime[]): string {
  const ceiling = (bound: KernelTime["bound"]) =>
    Math.max(...times.filter((t) => t.ceiling && t.bound === bound).map(rate));
  return markdownTable([
    ["kernel", "ms", "TFLOP/s", "TB/s", "share of the ceiling", "dispatches"],
    ...times.map((time) => [
      time.name,
      median(time.milliseconds).toFixed(3),
      time.bound === "arithmetic" ? rate(time).toFixed(1) : "",
      time.bound === "memory" ? rate(time).toFixed(2) : "",
      percentage(rate(time) / ceiling(time.bound)).replace(/\.\d+%/, "%"),
      `${time.dispatches}`,
    ]),
  ], { align: ["l", "r", "r", "r", "r", "r"] });
}
