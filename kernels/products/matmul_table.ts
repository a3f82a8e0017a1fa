import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { remembered } from "../shared/remembered.ts";
import { matrixVariants } from "./matmul_matrix_table.ts";
import { directThreads } from "./matmul_template.ts";
import { type MatmulVariant, type Measured, type Product, type ThreadVariant } from "./matmul_variant.ts";
import { range } from "../shared/text.ts";

/** For software adapters; `lanes` is the size of a subgroup, 1 where there are none. */
export function directVariant(lanes: number): ThreadVariant {
  const [threadM, threadN] = lanes === 1 ? [8, 8] : [32, 4];
  return { memory: "direct", lanes, tileM: threadM, tileN: lanes * threadN, tileK: 4, threadM, threadN };
}

const tiled = (tileM: number, tileN: number, threadM: number, threadN: number): ThreadVariant => ({
  memory: "workgroup",
  tileM,
  tileN,
  tileK: 16,
  threadM,
  threadN,
});

/** The GPU: an H200. Others differ in their numbers more than in their proportions. */
const processors = 132;
const bytesPerSecond = 3e12;
/** Of a dispatch more, its wait for the one before included; and of a workgroup, before its first and after its last multiplication. */
const dispatchSeconds = 6e-6;
const workgroupSteps = 32;

const measured: readonly Measured<ThreadVariant>[] = [
  { variant: tiled(128, 128, 16, 8), flopsPerSecond: 46e12, residents: 2, alone: 0.9 },
  { variant: tiled(128, 128, 8, 8), flopsPerSecond: 43e12, residents: 2, alone: 0.1 },
  { variant: tiled(64, 64, 8, 8), flopsPerSecond: 42e12, residents: 9, alone: 0.1 },
  { variant: tiled(64, 64, 8, 4), flopsPerSecond: 38e12, residents: 5, alone: 0.1 },
  { variant: tiled(32, 32, 4, 4), flopsPerSecond: 28e12, residents: 16, alone: 0.1 },
];

/** The variants for GPUs, by name. Tests run them all. */
export const tiledVariants: readonly ThreadVariant[] = measured.map(({ variant }) => variant);

/** Sizes of a product: C is m×n, k is summed over. */
export interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** Rows and columns of the matrices of a product. */
export function matrixShapes(
  product: Product,
  { m, n, k }: Sizes,
): Record<"a" | "b" | "c", [number, number]> {
  return { a: product === "tn" ? [k, m] : [m, k], b: product === "nt" ? [n, k] : [k, n], c: [m, n] };
}

/** A variant, and into how many parts the contraction is cut so that small outputs still occupy a GPU. */
export interface MatmulChoice {
  readonly variant: MatmulVariant;
  readonly splits: number;
}

/** The shortest part of a contraction that is worth a workgroup. */
const shortestPart = 128;
/** The most parts. */
export const mostSplits = 64;

/** What decides on a variant besides the sizes. */
export type Adapter = Pick<
  BuilderOptions,
  "adapterClass" | "subgroupSize" | "arithmetic" | "matrices" | "limits"
>;

/** The variants that an adapter can take, the fastest first. */
export function knownVariants(adapter: Adapter): readonly MatmulVariant[] {
  const { adapterClass, subgroupSize = 0, arithmetic = "f32" } = adapter;
  if (adapterClass === "gpu" || arithmetic !== "f32") return table(adapter).map(({ variant }) => variant);
  return subgroupSize > 1 && subgroupSize <= directThreads
    ? [directVariant(subgroupSize), directVariant(1)]
    : [directVariant(1)];
}

/** What is known of the variants for GPUs. */
function table({ arithmetic = "f32", ...adapter }: Adapter): readonly Measured[] {
  return arithmetic === "f32" ? measured : matrixVariants(arithmetic, adapter);
}

/** Besides each variant's best, choices that take at most this much longer than the best of all are worth a measurement; and how many. */
const likelyWithin = 1.25;
const mostLikely = 10;

/** The variant for many small products at once: workgroups are plenty, so the one that loses least at the edges and in speed. */
export function variantForMany(adapter: Adapter, m: number, n: number): MatmulVariant {
  if (adapter.adapterClass === "software") return knownVariants({ ...adapter, arithmetic: "f32" })[0];
  const cost = ({ variant: { tileM, tileN }, flopsPerSecond }: Measured) =>
    Math.ceil(m / tileM) * tileM * Math.ceil(n / tileN) * tileN / flopsPerSecond;
  return measured.reduce((best, one) => cost(one) < cost(best) ? one : best).variant;
}

/**
 * How a product may best be computed, by estimate, the best first: what a tuning run measures, and of which the first is taken without. In at
 * most `parts` parts.
 */
export function likelyChoices(
  adapter: Adapter,
  sizes: Sizes,
  parts = mostSplits,
): readonly MatmulChoice[] {
  // A software adapter takes seconds for what a GPU measures in milliseconds, and the first is the fastest on those that were tried.
  if (adapter.adapterClass === "software") return [{ variant: knownVariants(adapter)[0], splits: 1 }];
  const { limits, subgroupSize, arithmetic, matrices } = adapter;
  return likelyOnGpu({ adapterClass: "gpu", limits, subgroupSize, arithmetic, matrices }, sizes, parts);
}

/** The same for GPUs. A step has thousands of products of few sizes. */
const likelyOnGpu = remembered((adapter: Adapter, sizes: Sizes, parts: number): readonly MatmulChoice[] => {
  const { m, n, k } = sizes;
  // Partial sums take memory: beyond four, no more of them than a sixth of the operands.
  const affordable = Math.max(4, Math.floor((m + n) * k / (6 * m * n)));
  const most = Math.max(1, Math.min(parts, Math.floor(k / shortestPart), affordable));
  const known = table(adapter);
  const all = known.flatMap((one) =>
    range(most).map((i) => ({
      variant: one.variant,
      splits: i + 1,
      seconds: estimate(one, sizes, i + 1),
    }))
  ).sort((a, b) => a.seconds - b.seconds);
  const best = known.map((one) => all.find(({ variant }) => variant === one.variant)!);
  const near = all.filter((one) => one.seconds <= likelyWithin * all[0].seconds && !best.includes(one));
  return [all[0], ...best.filter((one) => one !== all[0]), ...near].slice(0, mostLikely);
});

/**
 * Seconds that a product takes, roughly. Workgroups run in waves of as many as the GPU holds; the last wave takes as long as its busiest
 * processor, and a processor with few residents is not much faster for it. Parts are then added up.
 */
function estimate(
  { variant, flopsPerSecond, residents, alone }: Measured,
  { m, n, k }: Sizes,
  splits: number,
): number {
  const { tileM, tileN, tileK } = variant;
  const workgroups = splits * Math.ceil(m / tileM) * Math.ceil(n / tileN);
  const steps = Math.ceil(k / splits / tileK) * tileK + workgroupSteps;
  const slots = processors * residents;
  const waveSeconds = slots * 2 * tileM * tileN * steps / flopsPerSecond;
  const left = Math.ceil(workgroups % slots / processors);
  const waves = Math.floor(workgroups / slots) + (left && alone + (1 - alone) * left / residents);
  const adding = splits > 1 ? dispatchSeconds + 4 * (splits + 1) * m * n / bytesPerSecond : 0;
  return waves * waveSeconds + adding;
}
