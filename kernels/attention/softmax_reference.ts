/** Plain float64 softmax by rows, the yardstick of the WGSL one. Rows are dense; a row may end before its columns do. */

/** P = softmax(s) over the first `seen(row)` of each row's columns, zero elsewhere. */
export function softmaxForward(s: Float64Array, cols: number, seen: (row: number) => number): Float64Array {
  const p = new Float64Array(s.length);
  for (let row = 0; row < s.length / cols; row++) {
    const first = row * cols, end = first + seen(row);
    const maximum = s.subarray(first, end).reduce((a, b) => Math.max(a, b));
    for (let i = first; i < end; i++) p[i] = Math.exp(s[i] - maximum);
    const total = p.subarray(first, end).reduce((a, b) => a + b);
    for (let i = first; i < end; i++) p[i] /= total;
  }
  return p;
}

/** Gradient of `softmaxForward` from its output: dS = P·(dP − rowsum(P·dP)). */
export function softmaxBackward(p: Float64Array, dP: Float64Array, cols: number): Float64Array {
  const dS = new Float64Array(p.length);
  for (let first = 0; first < p.length; first += cols) {
    let along = 0;
    for (let i = first; i < first + cols; i++) along += p[i] * dP[i];
    for (let i = first; i < first + cols; i++) dS[i] = p[i] * (dP[i] - along);
  }
  return dS;
}
