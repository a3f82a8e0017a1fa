import { median, medianAbsoluteDeviation, quantile } from "simple-statistics";

export { median, quantile };

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

/** A ratio of two quantities measured in the same rounds. */
export interface PairedRatio {
  median: number;
  /** The smallest and the largest ratio of a round. */
  low: number;
  high: number;
  rounds: number;
}

/**
 * Ratios value / base of the rounds that both have; null if they share none. Pairing cancels what changes from round to round (clocks,
 * temperature, neighbours), which a ratio of two medians would keep.
 */
export function pairedRatio(
  values: ReadonlyMap<number, number>,
  base: ReadonlyMap<number, number>,
): PairedRatio | null {
  const ratios = [...values].filter(([round]) => base.has(round)).map(([round, value]) =>
    value / base.get(round)!
  );
  if (ratios.length === 0) return null;
  return {
    median: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    rounds: ratios.length,
  };
}
