/** SwiGLU (Shazeer, arXiv 2002.05202) in plain float64: rows of h are gates g and beside them u, F of each; y = g·σ(g)·u. */

const logistic = (x: number) => 1 / (1 + Math.exp(-x));

/**
 * @param h [N, 2F]
 * @returns y [N, F]
 */
export function swiglu(h: Float64Array, hidden: number): Float64Array {
  return new Float64Array(h.length / 2).map((_, i) => {
    const { gate, up } = pair(h, hidden, i);
    return gate * logistic(gate) * up;
  });
}

/**
 * dg = d·u·σ(g)·(1 + g·σ(−g)) and du = d·g·σ(g).
 *
 * @param d [N, F]
 * @param h [N, 2F]
 * @returns dh [N, 2F]
 */
export function swigluBackward(d: Float64Array, h: Float64Array, hidden: number): Float64Array {
  const dh = new Float64Array(h.length);
  d.forEach((value, i) => {
    const { at, gate, up } = pair(h, hidden, i);
    dh[at] = value * up * logistic(gate) * (1 + gate * logistic(-gate));
    dh[at + hidden] = value * gate * logistic(gate);
  });
  return dh;
}

/** What makes the i-th element of y, and where its gate is. */
function pair(h: Float64Array, hidden: number, i: number) {
  const at = Math.floor(i / hidden) * 2 * hidden + i % hidden;
  return { at, gate: h[at], up: h[at + hidden] };
}
