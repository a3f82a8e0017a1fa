/**
 * GELU (Hendrycks, Gimpel, arXiv 1606.08415). "erf" is the definition, gelu(x) = x·Φ(x) with Φ the distribution function of the standard
 * normal distribution. "tanh" is the paper's approximation ("gelu_new" in transformers): x/2·(1 + tanh u) with
 * u = √(2/π)·(x + 0.044715·x³). Because (1 + tanh u)/2 is the logistic function of 2u, that form is used: it neither cancels nor
 * overflows in either tail.
 */
import type { GeluKind } from "../../src/gpu/operand.ts";

const slope = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** φ(x), the density of the standard normal distribution. */
function normalDensity(x: number): number {
  return Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
}

/**
 * Φ(x) = (1 + erf(x/√2))/2, relative error below 1e-14 down to x = −12 and below 1e-15 for x > 0. Within |x| < 2 the series
 * ½ + φ(x)·(x + x³/3 + x⁵/(3·5) + …), outside Laplace's continued fraction Φ(−x) = φ(x)/(x + 1/(x + 2/(x + 3/(x + …)))): Abramowitz and
 * Stegun, Handbook of Mathematical Functions, 26.2.11 and 26.2.14.
 */
export function normalDistribution(x: number): number {
  if (Math.abs(x) < 2) {
    let [sum, term] = [x, x];
    for (let n = 3; n < 80; n += 2) sum += term *= x * x / n;
    return 0.5 + normalDensity(x) * sum;
  }
  const size = Math.abs(x);
  let fraction = size;
  for (let n = 150; n > 0; n--) fraction = size + n / fraction;
  const tail = normalDensity(x) / fraction;
  return x < 0 ? tail : 1 - tail;
}

/** gelu(x) of one number; exact limits 0 and x in the tails. "tanh" unless asked otherwise, so that it can be given to `map` as it is. */
export function gelu(x: number): number;
export function gelu(x: number, kind?: GeluKind): number;
export function gelu(x: number, kind?: unknown): number {
  return x * (kind === "erf" ? normalDistribution(x) : logistic(2 * slope * (x + cubic * x ** 3)));
}

/** gelu′(x) of one number: Φ(x) + x·φ(x), or σ(2u) + 2x·σ(2u)·σ(−2u)·u′ with u′ = √(2/π)·(1 + 3·0.044715·x²). */
export function geluDerivative(x: number): number;
export function geluDerivative(x: number, kind?: GeluKind): number;
export function geluDerivative(x: number, kind?: unknown): number {
  if (kind === "erf") return normalDistribution(x) + x * normalDensity(x);
  const u = slope * (x + cubic * x ** 3);
  const du = slope * (1 + 3 * cubic * x ** 2);
  return logistic(2 * u) + 2 * x * logistic(2 * u) * logistic(-2 * u) * du;
}
