import type { Random } from "../data/random.ts";

/** Draws an index from softmax(logits / temperature); temperature 0 takes the largest. */
export function sampleToken(logits: Float32Array, temperature: number, random: Random): number {
  const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  if (temperature === 0) return logits.indexOf(highest);
  const weights = Float64Array.from(logits, (z) => Math.exp((z - highest) / temperature));
  let left = random.uniform() * weights.reduce((a, b) => a + b, 0);
  const index = weights.findIndex((w) => (left -= w) < 0);
  return index < 0 ? logits.indexOf(highest) : index;
}
