/**
 * What the tests of the plain references share: seeded values, central differences, and the distance between two tensors.
 */

/**
 * Tolerance of a finite-difference check, relative by norm. With the step 1e-5 and values of order one, a central difference is wrong by
 * about step² = 1e-10 (truncation) plus 1e-16 · |f| / step = 1e-11 · |f| (rounding); 1e-7 leaves room for third derivatives and for sums
 * over a few hundred terms, and is still far below what any missing term causes.
 */
export const finiteDifferenceTolerance = 1e-7;

const step = 1e-5;

/** Seeded values, uniform in [-scale, scale): a 32-bit linear congruential generator (constants of Numerical Recipes). */
export function seededValues(count: number, seed: number, scale = 1): Float64Array {
  let state = (seed * 2654435761 + 1) >>> 0;
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return scale * (state / 2 ** 31 - 1);
  });
}

/** Gradient of `f` with respect to `x` by central differences; `f` must read `x`, whose elements are moved in place and put back. */
export function centralDifferences(f: () => number, x: Float64Array): Float64Array {
  return x.map((value, i) => {
    x[i] = value + step;
    const above = f();
    x[i] = value - step;
    const below = f();
    x[i] = value;
    return (above - below) / (2 * step);
  });
}

/** Σ aᵢ·bᵢ: turns a tensor into a scalar whose gradient with respect to `a` is `b`. */
export function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/** ‖actual − expected‖ / ‖expected‖ (the plain norm of `actual` where `expected` is all zeros). */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) {
    throw new RangeError(`Compared ${actual.length} elements with ${expected.length}`);
  }
  let difference = 0, norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(norm > 0 ? difference / norm : difference);
}
