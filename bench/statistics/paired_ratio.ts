import { mean, meanInterval } from "./statistics.ts";

/** A ratio of two quantities measured in the same rounds. */
export interface PairedRatio {
  /** The geometric mean of the rounds' ratios. */
  ratio: number;
  /** Its 95% confidence interval; null of fewer rounds than settle anything. */
  interval: { low: number; high: number } | null;
  rounds: number;
}

/** Rounds below which no interval is told: of two, Student's is 13 standard errors wide to either side. */
export const fewestPairs = 3;

/**
 * The ratio value / base over the rounds that both have; null if they share none. Pairing cancels what changes from round to round (clocks,
 * temperature, neighbours), which a ratio of two medians would keep. The interval is Student's of the mean of the logarithms: ratios are
 * multiplicative, so that a / b has the reciprocal interval of b / a, and of n rounds it asks no more than that their logarithms are about
 * normal (Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013; Fleming and Wallace, How Not to Lie with Statistics,
 * CACM 1986, for the geometric mean).
 */
export function pairedRatio(
  values: ReadonlyMap<number, number>,
  base: ReadonlyMap<number, number>,
): PairedRatio | null {
  const logs = [...values].filter(([round]) => base.has(round))
    .map(([round, value]) => Math.log(value / base.get(round)!));
  const rounds = logs.length;
  if (rounds === 0) return null;
  if (rounds < fewestPairs) return { ratio: Math.exp(mean(logs)), interval: null, rounds };
  const { mean: middle, low, high } = meanInterval(logs);
  return { ratio: Math.exp(middle), interval: { low: Math.exp(low), high: Math.exp(high) }, rounds };
}

/** How far a ratio's interval reaches beyond it, as a share of it: 0.005 of 0.98 × (0.9751–0.9849); null without an interval. */
export const reach = ({ ratio, interval }: PairedRatio): number | null =>
  interval && interval.high / ratio - 1;
