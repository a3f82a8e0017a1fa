import { markdownTable } from "markdown-table";
import { median } from "simple-statistics";
import { z } from "zod";
import type { Arithmetic } from "../../src/gpu/arithmetic.ts";
import { wholePercentage } from "../../src/text/format.ts";
import { list } from "../report/words.ts";
import { commandCode } from "../report/command.ts";
import { softwareBrand } from "../report/report.ts";
import { parseTimes } from "../results/read_results.ts";
import { adapterTitle } from "../results/results.ts";
import { type Nominal, nominalOf } from "./nominal.ts";
import { kernelTable, profileNote, type StepProfile } from "./step_profile.ts";

export const kernelTime = z.object({
  name: z.string(),
  bound: z.enum(["arithmetic", "memory"]).describe("what bounds it"),
  ceiling: z.boolean().describe("whether the fastest of these is what the others are a share of"),
  work: z.number().positive().describe("floating-point operations, or bytes that have to move"),
  milliseconds: z.array(z.number()).describe("raw, in order; all dispatches of the case together"),
  dispatches: z.int().positive(),
  variants: z.record(z.string(), z.string()).describe("the variants that its kernels took"),
  compileMilliseconds: z.number().optional().describe(
    "in which the runtime and the driver compiled its kernels, the driver's cache as it was",
  ),
});

/** How one case ran. */
export type KernelTime = z.infer<typeof kernelTime>;

/** The files that tell the times of kernels, by name. Throws a UserError if the results are not whole. */
export function kernelFiles(text: string): Record<string, string> {
  const { header, lines } = parseTimes<KernelTime | StepProfile>(text);
  const { environment, command, started, arithmetic, waitMilliseconds } = header;
  const times = lines.filter((line) => "milliseconds" in line);
  const steps = lines.filter((line) => "configuration" in line);
  const brand = environment.adapterClass === "software" ? ` (${softwareBrand})` : "";
  const from = environment.commit ? `commit ${environment.commit.slice(0, 12)}, ` : "";
  const runs = times[0]?.milliseconds.length ?? 0;
  const ceilings = {
    flops: 1e12 * fastestRate(times, "arithmetic"),
    bytes: 1e12 * fastestRate(times, "memory"),
  };
  const parts = [
    `# Kernels on ${adapterTitle(environment)}${arithmetic ? `, products in ${arithmetic}` : ""}, ${
      started.slice(0, 10)
    }${brand}`,
    `Made by ${commandCode(command)} from ${from}sources ${
      header.sources.slice(0, 12)
    }. Medians of ${runs} runs, back to back on a warm card, ` +
    "by GPU timestamps, inputs of normal numbers. Of the run: a share of the fastest product, or of the copy, of this same run, no share of " +
    "what the card can do. Of the card: a share of its vendor's f32 and memory rates, where they are known here. Bytes are those that have to " +
    "move once: a kernel that reads more than it writes, or keeps part in a cache, can exceed the copy.",
    ...waitMilliseconds === undefined
      ? []
      : [`To wait for a queue that has nothing to do takes ${waitMilliseconds.toPrecision(2)} ms.`],
    renderKernels(times, nominalOf(environment.adapter), arithmetic),
    ...productsOfSteps(times),
    `## Every kernel of a step\n\n${profileNote} Bytes are those of all that a dispatch binds, most of which it moves; ` +
    "the share is of this run's fastest product or copy above, whichever is nearer.",
    ...steps.flatMap(({ configuration: { model, batch, sequence, policy }, dispatches }) => [
      `### ${model}, ${batch} × ${sequence} tokens, ${policy}`,
      kernelTable(dispatches, ceilings),
    ]),
  ];
  return { "report.md": parts.join("\n\n") + "\n" };
}

/** What the products of each model's step reach together, each as often as the step makes it; nothing where none was timed. */
export function productsOfSteps(times: readonly KernelTime[]): string[] {
  const products = times.flatMap((time) => {
    const [, model, count] = time.name.match(/^(.+): .+ \((\d+)×\)$/) ?? [];
    return model ? [{ time, model, count: Number(count) }] : [];
  });
  const rates = [...Map.groupBy(products, ({ model }) => model)].map(([model, own]) => {
    const sum = (of: (time: KernelTime) => number) =>
      own.reduce((all, { time, count }) => all + count * of(time), 0);
    const milliseconds = sum((time) => median(time.milliseconds));
    const flops = sum(({ work }) => work);
    return `of ${model} ${(flops / milliseconds / 1e9).toPrecision(3)} TFLOP/s (${
      milliseconds.toPrecision(3)
    } ms)`;
  });
  return rates.length ? [`The products of a step together: ${list(rates)}.`] : [];
}

/** Work per second of a case, in T. */
export const rate = ({ work, milliseconds }: KernelTime) => work / median(milliseconds) / 1e9;

/** The fastest of the cases of a bound that are ceilings. */
export const fastestRate = (times: readonly KernelTime[], bound: KernelTime["bound"]) =>
  Math.max(...times.filter((t) => t.ceiling && t.bound === bound).map(rate));

/** The cases as a markdown table: time, rate, shares of the run's own fastest and of the card's nominal rate, and the variants taken. */
export function renderKernels(
  times: readonly KernelTime[],
  nominal?: Nominal,
  arithmetic: Arithmetic = "f32",
): string {
  // Of arithmetic the vendor's rate is known in f32 only.
  const ofCard = (time: KernelTime) =>
    nominal && (time.bound === "memory" || arithmetic === "f32")
      ? wholePercentage(1e12 * rate(time) / (time.bound === "memory" ? nominal.bytes : nominal.flops))
      : "";
  const compiled = times.some(({ compileMilliseconds }) => compileMilliseconds !== undefined);
  return markdownTable([
    [
      "kernel",
      "ms",
      "TFLOP/s",
      "TB/s",
      "of the run's fastest",
      "of the card's nominal",
      ...compiled ? ["compiled, ms"] : [],
      "dispatches",
      "variant",
    ],
    ...times.map((time) => [
      time.name,
      median(time.milliseconds).toFixed(3),
      time.bound === "arithmetic" ? rate(time).toPrecision(3) : "",
      time.bound === "memory" ? rate(time).toPrecision(3) : "",
      wholePercentage(rate(time) / fastestRate(times, time.bound)),
      ofCard(time),
      ...compiled ? [time.compileMilliseconds?.toFixed(0) ?? ""] : [],
      `${time.dispatches}`,
      Object.values(time.variants).join(", "),
    ]),
  ], { align: ["l", "r", "r", "r", "r", "r", "r", ...compiled ? ["r"] : [], "l"] });
}
