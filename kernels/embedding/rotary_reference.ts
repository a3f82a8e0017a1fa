/**
 * Rotary positions (Su et al., arXiv 2104.09864) in plain float64, in the order of `transformers`: channel i of a head is rotated with channel
 * i + headSize/2, by position · frequencies[i] radians.
 */

/**
 * x with its first `heads` heads rotated by their rows' positions; `back` rotates the other way round, which is the transpose.
 *
 * @param x [N, cols], N whole sequences
 */
export function rotated(
  x: Float64Array,
  cols: number,
  { sequence, heads, frequencies }: { sequence: number; heads: number; frequencies: readonly number[] },
  { back = false } = {},
): Float64Array {
  const result = x.slice();
  const pairs = frequencies.length;
  for (let row = 0; row < x.length / cols; row++) {
    for (let pair = 0; pair < heads * pairs; pair++) {
      const i = pair % pairs;
      const angle = (row % sequence) * frequencies[i] * (back ? -1 : 1);
      const first = row * cols + (pair - i) * 2 + i;
      const [a, b] = [x[first], x[first + pairs]];
      result[first] = a * Math.cos(angle) - b * Math.sin(angle);
      result[first + pairs] = b * Math.cos(angle) + a * Math.sin(angle);
    }
  }
  return result;
}
