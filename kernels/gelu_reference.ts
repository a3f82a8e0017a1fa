/**
 * GELU in its tanh approximation (Hendrycks, Gimpel, arXiv 1606.08415; "gelu_new" in transformers):
 * gelu(x) = x/2·(1 + tanh u) with u = √(2/π)·(x + 0.044715·x³).
 * Because (1 + tanh u)/2 is the logistic function of 2u, that form is used: it neither cancels nor overflows in either tail.
 */

const slope = Math.sqrt(2 / Math.PI);
const cubic = 0.044715;

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** gelu(x) = x·σ(2u) of one number; exact limits 0 and x in the tails. */
export function gelu(x: number): number {
  return x * logistic(2 * slope * (x + cubic * x ** 3));
}

/** gelu′(x) = σ(2u) + 2x·σ(2u)·σ(−2u)·u′ of one number, with u′ = √(2/π)·(1 + 3·0.044715·x²). */
export function geluDerivative(x: number): number {
  const u = slope * (x + cubic * x ** 3);
  const du = slope * (1 + 3 * cubic * x ** 2);
  return logistic(2 * u) + 2 * x * logistic(2 * u) * logistic(-2 * u) * du;
}
