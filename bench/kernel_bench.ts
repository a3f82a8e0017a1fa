import { markdownTable } from "markdown-table";
import { median } from "simple-statistics";
import { Random } from "../src/data/random.ts";
import { UserError } from "../src/errors.ts";
import { BufferSet } from "../src/gpu/buffers.ts";
import { builderOptionsFor, ProgramBuilder } from "../src/gpu/builder.ts";
import { type Gpu, openGpu } from "../src/gpu/device.ts";
import { Program } from "../src/gpu/program.ts";
import { type Store, tensorBytes } from "../src/gpu/tensor.ts";
import { describeEnvironment } from "./environment.ts";
import { percentage } from "./format.ts";
import { type CaseSizes, type KernelCase, kernelCases, productCases } from "./kernel_cases.ts";
import { Progress } from "./progress.ts";
import { softwareBrand } from "./report.ts";
import { createReportFolder } from "./report_folder.ts";
import { ensureAdapterEnvironment } from "./start.ts";

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
const caseSizes = (adapterClass: "gpu" | "software"): CaseSizes =>
  adapterClass === "gpu"
    ? { product: 4096, rows: 131072, cols: 1024 }
    : { product: 256, rows: 1024, cols: 256 };

/**
 * Times large products, streaming kernels, and every product of the model presets' steps, each against the ceiling that the same run
 * measures; prints the table and leaves it with the raw times in a report folder. Returns the exit code.
 */
export async function runKernelBench(
  { models, batches, out, requireGpu }: {
    models: readonly string[];
    batches: readonly number[];
    out?: string;
    requireGpu: boolean;
  },
): Promise<number> {
  const started = new Date();
  const adapter = await ensureAdapterEnvironment({ requireGpu });
  const gpu = await openGpu({ requireGpu });
  if (!gpu.timestamps) {
    throw new UserError("This adapter has no timestamps; run `bench kernels` on one that has");
  }
  const folder = await createReportFolder(out, `${adapter.slug}-kernels`, started);
  const environment = await describeEnvironment(adapter);
  const chosen = models.length ? models : adapter.class === "gpu" ? ["micro", "mini", "small"] : ["nano"];
  const cases = [
    ...kernelCases(caseSizes(adapter.class)),
    ...chosen.flatMap((model) => productCases(model, batches[0] ?? 4, gpu)),
  ];
  const progress = new Progress(cases.map(() => "case"));
  const times: KernelTime[] = [];
  try {
    for (const [i, given] of cases.entries()) {
      progress.begin(i, given.name);
      const begun = performance.now();
      times.push(await timeCase(gpu, given));
      await Deno.writeTextFile(folder.results, JSON.stringify({ environment, ...times.at(-1) }) + "\n", {
        append: true,
      });
      progress.end(i, (performance.now() - begun) / 1000);
    }
  } finally {
    progress.clear();
    gpu.destroy();
  }
  const brand = adapter.class === "software" ? ` (${softwareBrand})` : "";
  const text = [
    `# Kernels on ${adapter.name}, ${started.toISOString().slice(0, 10)}${brand}`,
    `Made by \`deno task ${Deno.args.join(" ")}\`${
      environment.commit ? ` from commit ${environment.commit.slice(0, 12)}` : ""
    }. Medians of ${repeats} runs, back to back on a warm card, by GPU timestamps, inputs of normal numbers. The share is of the fastest ` +
    "product, or of the copy, of this same run; bytes are those that have to move once, so a kernel that keeps part of them in a cache can exceed it.",
    renderKernels(times),
  ].join("\n\n");
  await Deno.writeTextFile(`${folder.path}/report.md`, `${text}\n`);
  console.log(`\n${text}\n\nThe report is in ${folder.path}`);
  return 0;
}

/** Normal numbers, the same 65 536 over and over: zeros would let the card draw less power. */
function noise(count: number): Float32Array<ArrayBuffer> {
  const random = new Random(1);
  const block = Float32Array.from({ length: Math.min(count, 2 ** 16) }, () => random.normal());
  const all = new Float32Array(count);
  for (let at = 0; at < count; at += block.length) all.set(block.subarray(0, count - at), at);
  return all;
}

async function timeCase(gpu: Gpu, given: KernelCase): Promise<KernelTime> {
  const builder = new ProgramBuilder(given.name, { ...builderOptionsFor(gpu), keepAll: true });
  const filled = given.emit(builder);
  const description = builder.build();
  const stores = new BufferSet<Store>(gpu);
  await stores.allocate(
    description.stores.map((s) => ({ key: s, name: s.name, account: s.category, bytes: s.bytes })),
  );
  const program = await Program.create(gpu, description, stores);
  try {
    const largest = Math.max(...filled.map(tensorBytes)) / 4;
    const numbers = noise(largest);
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
