/** A tensor's claim on memory from dispatch `first` to dispatch `last`, both included. */
interface Lived {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Bytes that live at each of `count` dispatches. */
export function liveBytes(claims: Iterable<Lived>, count: number): Float64Array {
  const live = new Float64Array(count + 1);
  for (const { bytes, first, last } of claims) {
    live[first] += bytes;
    live[last + 1] -= bytes;
  }
  for (let at = 1; at < count; at++) live[at] += live[at - 1];
  return live.subarray(0, count);
}
