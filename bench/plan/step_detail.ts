import { z } from "zod";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { categories, type Category } from "../../src/memory/category.ts";
import { kernelVariants } from "../../src/train/kernel_variants.ts";
import type { DescribedStep } from "../../src/train/plan_training.ts";
import { count } from "../results/numbers.ts";
import { columns, type LiveStep, liveStep, sections } from "./live_step.ts";
import { type CommandLine, lowerPeak, type PlannedOptions } from "./lower_peak.ts";
import { tensorsAt } from "./peak_tensors.ts";

const dispatch = count.describe("from 0");
const span = { first: dispatch, last: dispatch };
const lowered = z.object({
  choice: z.string().describe("as the command line has it"),
  livePeakBytes: count,
});

/** What `plan --json` tells of one policy at one size. */
export const stepDetail = z.object({
  dispatches: count,
  kernels: z.record(z.string(), z.string()).describe(
    "those that exist in variants: the variants that the plan assumes, and how many dispatches take each",
  ),
  peak: z.object({
    at: dispatch,
    section: z.enum(sections),
    block: count.nullable(),
    operator: z.string().nullable(),
    kernel: z.string(),
  }),
  tensors: z.array(z.object({
    name: z.string().describe("with * in the place of the block's number where they are of several"),
    shape: z.tuple([count, count]).describe("of each"),
    dtype: z.string(),
    category: z.enum(categories),
    blocks: z.array(count),
    count,
    bytes: count.describe("of all of them"),
  })).describe("what is live at the peak, the largest first"),
  sections: z.array(z.object({ name: z.enum(sections), ...span })),
  blocks: z.array(z.object({ name: count, ...span })),
  live: z.array(z.object({ ...span, at: dispatch, bytes: z.record(z.enum(categories), count) })).describe(
    "bytes by category over the step, in parts: of each the dispatch at which most is live",
  ),
  lower: z.object({
    choices: z.array(lowered).describe("what would lower the live peak, each by itself"),
    next: lowered.nullable().describe("what would lower it most once the first of them is taken"),
  }),
});
export type StepDetail = z.infer<typeof stepDetail>;

/** Parts of a step in JSON. */
const mostParts = 400;

/** What is live over a step and at its peak, and what would lower that. */
export function detailOf(
  options: PlannedOptions,
  description: DescribedStep,
  adapter: BuilderOptions,
  line: CommandLine,
): { step: LiveStep; detail: StepDetail } {
  const step = liveStep(description);
  const { dispatches, live, sections, blocks, peak: { bytes, ...peak } } = step;
  const at = (dispatch: number) =>
    Object.fromEntries(categories.map((category) => [category, live[category][dispatch]]));
  const detail = {
    dispatches,
    kernels: kernelVariants(description),
    peak,
    tensors: tensorsAt(description, peak.at).map(({ shape, blocks, ...tensor }) => ({
      ...tensor,
      shape: [...shape] as [number, number],
      blocks: [...blocks],
    })),
    sections: [...sections],
    blocks: [...blocks],
    live: columns(step, mostParts).map((part) => ({
      ...part,
      bytes: at(part.at) as Record<Category, number>,
    })),
    lower: lowerPeak(options, bytes, adapter, line),
  };
  return { step, detail: detail as StepDetail };
}
