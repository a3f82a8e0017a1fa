import { gammaln } from "simple-statistics";
import { remembered } from "../../kernels/shared/remembered.ts";

/**
 * P(|T| ≤ t) of Student's distribution, t ≥ 0, for any number of degrees of freedom from 1. With tan φ = T/√degrees the density becomes
 * cos^(degrees−1) φ, which Simpson's rule integrates to about nine digits.
 */
export function probabilityWithin(t: number, degrees: number): number {
  const density = (angle: number) => Math.cos(angle) ** (degrees - 1);
  const half = Math.sqrt(Math.PI) / 2 * Math.exp(gammaln(degrees / 2) - gammaln((degrees + 1) / 2));
  const intervals = 1000;
  const end = Math.atan(t / Math.sqrt(degrees));
  let sum = density(0) + density(end);
  for (let i = 1; i < intervals; i++) sum += (i % 2 ? 4 : 2) * density(end * i / intervals);
  return Math.min(1, sum * end / (3 * intervals) / half);
}

/** The t with P(|T| ≤ t) = `probability`, which is below 1. */
export const criticalT = remembered((probability: number, degrees: number): number => {
  let [low, high] = [0, 1];
  while (probabilityWithin(high, degrees) < probability) high *= 2;
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (probabilityWithin(middle, degrees) < probability) low = middle;
    else high = middle;
  }
  return high;
});

/** P(T > t) of Student's distribution, for any t, infinite ones too. */
export function probabilityAbove(t: number, degrees: number): number {
  const beyond = (1 - probabilityWithin(Math.abs(t), degrees)) / 2;
  return t > 0 ? beyond : 1 - beyond;
}
