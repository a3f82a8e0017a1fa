import { mean, median, medianAbsoluteDeviation, sampleStandardDeviation } from "simple-statistics";
import { criticalT, probabilityWithin } from "./student.ts";

export { mean, median, sampleStandardDeviation };

/** Middle and spread of a sample, in the sample's unit. */
export interface Summary {
  median: number;
  /** Median absolute deviation: half of the values lie within `median ± deviation`. */
  deviation: number;
}

/** Summarises `values`; null for an empty sample. */
export function summarize(values: readonly number[]): Summary | null {
  if (values.length === 0) return null;
  return { median: median([...values]), deviation: medianAbsoluteDeviation([...values]) };
}

/** A mean and how well the sample settles it. */
export interface MeanInterval {
  mean: number;
  /** Standard deviation of the sample, not of the mean. */
  deviation: number;
  /** Student's confidence interval of the mean. */
  low: number;
  high: number;
}

/** The mean of at least two values, and its confidence interval (95 % unless told). */
export function meanInterval(values: readonly number[], confidence = 0.95): MeanInterval {
  const [middle, deviation] = [mean([...values]), sampleStandardDeviation([...values])];
  const reach = criticalT(confidence, values.length - 1) * deviation / Math.sqrt(values.length);
  return { mean: middle, deviation, low: middle - reach, high: middle + reach };
}

/** Student's test of whether differences between pairs have the mean 0. */
export interface PairedTest {
  /** The mean in standard errors. */
  t: number;
  degrees: number;
  /** Two-sided: how often differences of mean 0 would lie at least so far from it. */
  p: number;
}

/** Tests differences between pairs; null if there are fewer than two. */
export function pairedTest(differences: readonly number[]): PairedTest | null {
  if (differences.length < 2) return null;
  const degrees = differences.length - 1;
  const [middle, deviation] = [mean([...differences]), sampleStandardDeviation([...differences])];
  if (deviation === 0) return middle === 0 ? { t: 0, degrees, p: 1 } : { t: middle / 0, degrees, p: 0 };
  const t = middle / (deviation / Math.sqrt(differences.length));
  return { t, degrees, p: 1 - probabilityWithin(Math.abs(t), degrees) };
}
