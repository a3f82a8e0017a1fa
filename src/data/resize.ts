/** Writes one channel of `from`² bytes as one of `to`² bytes. */
export type ResizeChannel = (
  source: Uint8Array<ArrayBuffer>,
  out: Uint8Array<ArrayBuffer>,
  at: number,
) => void;

/**
 * Bilinear interpolation between square channels of `from` and `to` pixels a side, with half-pixel centres: pixel i lies at i + 1/2,
 * and what lies beyond the outermost centres takes their values. Bytes are rounded to nearest.
 */
export function bilinear(from: number, to: number): ResizeChannel {
  // Both axes read the same neighbours: `near` and the one after it, which counts for `share`.
  const places = Array.from(
    { length: to },
    (_, i) => Math.min(from - 1, Math.max(0, (i + 0.5) * from / to - 0.5)),
  );
  const near = Int32Array.from(places, Math.floor);
  const next = near.map((i) => Math.min(i + 1, from - 1));
  const share = Float64Array.from(places, (place, i) => place - near[i]);
  const row = new Float64Array(from);
  return (source, out, at) => {
    for (let y = 0; y < to; y++) {
      const [above, below, weight] = [near[y] * from, next[y] * from, share[y]];
      for (let x = 0; x < from; x++) {
        row[x] = source[above + x] + weight * (source[below + x] - source[above + x]);
      }
      for (let x = 0; x < to; x++) {
        const left = row[near[x]];
        out[at++] = left + share[x] * (row[next[x]] - left) + 0.5;
      }
    }
  };
}
