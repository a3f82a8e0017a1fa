import type { ProgramBuilder } from "../src/gpu/builder.ts";
import { directThreads } from "./matmul_template.ts";
import type { MatmulVariant } from "./matmul_variant.ts";

/** For software adapters; `lanes` is the size of a subgroup, 1 where there are none. */
export function directVariant(lanes: number): MatmulVariant {
  const [threadM, threadN] = lanes === 1 ? [8, 8] : [32, 4];
  return { memory: "direct", lanes, tileM: threadM, tileN: lanes * threadN, tileK: 4, threadM, threadN };
}

const tiled = (tileM: number, tileN: number, threadM: number, threadN: number): MatmulVariant => ({
  ...{ memory: "workgroup", tileM, tileN, tileK: 16, threadM, threadN },
});

/** A variant on the GPU that the choice was measured on: what it reaches where nothing is wasted, and how many a processor holds at once. */
interface Measured {
  readonly variant: MatmulVariant;
  readonly flopsPerSecond: number;
  readonly residents: number;
}

/** The GPU: an H200. Others differ in their numbers more than in their proportions. */
const processors = 132;
const bytesPerSecond = 3e12;
/** Of a dispatch more, its wait for the one before included; and of a workgroup, before its first and after its last multiplication. */
const dispatchSeconds = 6e-6;
const workgroupSteps = 32;

const measured: readonly Measured[] = [
  { variant: tiled(128, 128, 8, 8), flopsPerSecond: 42e12, residents: 2 },
  { variant: tiled(128, 64, 8, 4), flopsPerSecond: 37e12, residents: 3 },
  { variant: tiled(64, 64, 4, 4), flopsPerSecond: 31.5e12, residents: 4 },
];

/** The variants for GPUs, by name. Tests run them all. */
export const tiledVariants: readonly MatmulVariant[] = measured.map(({ variant }) => variant);

/** Sizes of a product: C is m×n, k is summed over. */
export interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** A variant, and into how many parts the contraction is cut so that small outputs still occupy a GPU. */
export interface MatmulChoice {
  readonly variant: MatmulVariant;
  readonly splits: number;
}

/** The shortest part of a contraction that is worth a workgroup, and the most parts. */
const shortestPart = 128;
const mostSplits = 64;

/** How a product is computed, without tuning. */
export function defaultChoice(
  { adapterClass, subgroupSize }: Pick<ProgramBuilder, "adapterClass" | "subgroupSize">,
  sizes: Sizes,
): MatmulChoice {
  if (adapterClass === "software") {
    const lanes = subgroupSize > directThreads ? 1 : Math.max(1, subgroupSize);
    return { variant: directVariant(lanes), splits: 1 };
  }
  const { m, n, k } = sizes;
  // Partial sums take memory: beyond four, no more of them than a sixth of the operands.
  const affordable = Math.max(4, Math.floor((m + n) * k / (6 * m * n)));
  const most = Math.min(mostSplits, Math.floor(k / shortestPart), affordable);
  let best = { seconds: Infinity, variant: measured[0].variant, splits: 1 };
  for (const one of measured) {
    for (let splits = 1; splits <= Math.max(1, most); splits++) {
      const seconds = estimate(one, sizes, splits);
      if (seconds < best.seconds) best = { seconds, variant: one.variant, splits };
    }
  }
  return { variant: best.variant, splits: best.splits };
}

/**
 * Seconds that a product takes, roughly. Workgroups run in waves of as many as the GPU holds; the last wave takes as long as its busiest
 * processor, and a processor with few residents is not much faster for it. Parts are then added up.
 */
function estimate(
  { variant, flopsPerSecond, residents }: Measured,
  { m, n, k }: Sizes,
  splits: number,
): number {
  const { tileM, tileN, tileK } = variant;
  const workgroups = splits * Math.ceil(m / tileM) * Math.ceil(n / tileN);
  const steps = Math.ceil(k / splits / tileK) * tileK + workgroupSteps;
  const slots = processors * residents;
  const waveSeconds = slots * 2 * tileM * tileN * steps / flopsPerSecond;
  const left = Math.ceil(workgroups % slots / processors);
  const waves = Math.floor(workgroups / slots) + (left && 0.1 + 0.9 * left / residents);
  const adding = splits > 1 ? dispatchSeconds + 4 * (splits + 1) * m * n / bytesPerSecond : 0;
  return waves * waveSeconds + adding;
}
