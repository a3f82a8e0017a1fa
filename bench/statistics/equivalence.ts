import { mean, sampleStandardDeviation } from "./statistics.ts";
import { probabilityAbove } from "./student.ts";

/**
 * Two one-sided tests of whether differences between pairs have a mean within ± `margin`: the larger of their two p. Small: the mean lies
 * within. At a level α it says the same as whether Student's interval of confidence 1 − 2α lies within ± `margin`. Needs two differences.
 *
 * Source: D. Schuirmann, "A comparison of the two one-sided tests procedure and the power approach" (J. Pharmacokin. Biopharm. 15, 1987).
 */
export function equivalenceTest(differences: readonly number[], margin: number): number {
  const distance = margin - Math.abs(mean([...differences])); // to the nearer end, whose p is the larger
  const error = sampleStandardDeviation([...differences]) / Math.sqrt(differences.length);
  if (error === 0) return distance > 0 ? 0 : 1;
  return probabilityAbove(distance / error, differences.length - 1);
}

/** What one of several tests is held to. */
export interface Step {
  /** The level that its p is compared with. */
  readonly level: number;
  readonly rejected: boolean;
}

/**
 * Holm's procedure: tests in order of their p, the smallest first, the k-th of m held to `level` / (m − k + 1), until one is not rejected;
 * the rest are not either, and are held to what that one was. The probability of any false rejection is at most `level`.
 *
 * Source: S. Holm, "A simple sequentially rejective multiple test procedure" (Scand. J. Statist. 6, 1979).
 */
export function holm(ps: readonly number[], level: number): Step[] {
  const order = ps.map((_, i) => i).sort((a, b) => ps[a] - ps[b]);
  const steps: Step[] = [];
  let held = level / ps.length;
  let rejecting = true;
  order.forEach((test, k) => {
    if (rejecting) held = level / (ps.length - k);
    rejecting = ps[test] <= held; // once not, never again: p grows, and what it is held to stays
    steps[test] = { level: held, rejected: rejecting };
  });
  return steps;
}
