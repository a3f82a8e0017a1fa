/**
 * The largest whole number for which a predicate holds that fails for all numbers above one for which it fails; 0 if it does not hold for 1.
 * Looks at `near` first and goes on from there by doubled strides, then halves what lies between.
 *
 * @param most the largest number that is looked at
 */
export function largest(
  holds: (n: number) => boolean,
  { near = 1, most = 2 ** 31 - 1 }: { near?: number; most?: number } = {},
): number {
  const first = Math.max(1, Math.min(near, most));
  let [low, high] = holds(first) ? [first, most + 1] : [0, first];
  const upwards = low === first;
  for (let stride = 1; high - low > 1; stride *= 2) {
    const strode = upwards ? low + stride : high - stride;
    const next = low < strode && strode < high ? strode : Math.floor((low + high) / 2);
    if (holds(next)) low = next;
    else high = next;
  }
  return low;
}
