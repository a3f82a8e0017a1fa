import type { Cell } from "./cell_rounds.ts";
import { type Comparison, names } from "./side_by_side.ts";
import { mean, sampleStandardDeviation } from "../statistics/statistics.ts";

/** Runs of fewer steps have no curve. */
const fewestSteps = 10;
/** Points of a curve, and the share of a run that a point is the mean of. */
const points = 100;
const windowShare = 1 / 20;

/** A point of a policy's training loss: the mean over the seeds, and the smallest and the largest of them. */
export interface LossPoint {
  shape: string;
  policy: string;
  step: number;
  loss: number;
  low: number;
  high: number;
}

/** The smoothed training losses of every cell that was trained. */
export function lossCurves(comparisons: readonly Comparison<Cell>[]): LossPoint[] {
  return comparisons.flatMap((comparison) =>
    [...comparison.cells].flatMap(([policy, cell]) =>
      alongSteps([...cell.qualities.values()].map((q) => q.trainingLosses), (losses) => ({
        shape: names(comparison).join(", "),
        policy,
        loss: mean(losses),
        low: Math.min(...losses),
        high: Math.max(...losses),
      }))
    )
  );
}

/** A point of a policy's difference to `exact`, or, without a policy, of the band that `exact`'s own seeds span: ± their standard deviation. */
export interface DifferencePoint {
  shape: string;
  policy?: string;
  step: number;
  difference?: number;
  low?: number;
  high?: number;
}

/** Smoothed training losses less `exact`'s from the same seeds, of the comparisons that trained `exact`; the band needs two seeds. */
export function lossDifferences(comparisons: readonly Comparison<Cell>[]): DifferencePoint[] {
  return comparisons.flatMap((comparison) => {
    const shape = names(comparison).join(", ");
    const exact = comparison.cells.get("exact");
    if (!exact || exact.qualities.size === 0 || comparison.cells.size < 2) return [];
    const seeds = [...exact.qualities.values()].map((q) => q.trainingLosses);
    const band = alongSteps(seeds.length > 1 ? seeds : [], (losses) => {
      const deviation = sampleStandardDeviation(losses);
      return { shape, low: -deviation, high: deviation };
    });
    const lines = [...comparison.cells].filter(([, cell]) => cell !== exact).flatMap(([policy, cell]) => {
      const differences = cell.pairedQualities(exact).map(({ own, base }) =>
        own.trainingLosses.map((loss, i) => {
          const other = base.trainingLosses[i] ?? null;
          return loss === null || other === null ? null : loss - other;
        })
      );
      return alongSteps(differences, (values) => ({ shape, policy, difference: mean(values) }));
    });
    return lines.length ? [...band, ...lines] : [];
  });
}

/**
 * What `point` makes of the moving averages of several series (one a seed, one value a step), at about a hundred steps. Steps at which an
 * average covers a value that is not a number are left out.
 */
export function alongSteps<Point>(
  series: readonly (readonly (number | null)[])[],
  point: (averages: number[]) => Point,
): (Point & { step: number })[] {
  const steps = Math.min(...series.map((values) => values.length));
  if (series.length === 0 || steps < fewestSteps) return [];
  const window = Math.ceil(steps * windowShare);
  const stride = Math.ceil(steps / points);
  const found = [];
  for (let step = window; step <= steps; step += stride) {
    const covered = series.map((values) => values.slice(step - window, step));
    if (covered.some((values) => values.includes(null))) continue;
    found.push({ ...point(covered.map((values) => mean(values as number[]))), step });
  }
  return found;
}
