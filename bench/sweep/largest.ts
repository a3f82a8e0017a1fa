/** Where a search begins, and what it does not go beyond. */
export interface Bounds {
  /** The smallest number that is asked about. */
  readonly least?: number;
  /** The largest. */
  readonly most?: number;
}

/**
 * The largest whole number of the bounds for which a predicate holds that holds up to some number and not beyond: found by doubling, then by
 * bisection, so with about 2·log₂ of it questions, none asked twice. undefined if it does not even hold for the least.
 *
 * Of a predicate that is not quite so, it is a number for which it holds, and for the next it does not.
 *
 * @throws {RangeError} if `most` is below `least`, or `least` below 1
 */
export function largestWhere(
  holds: (size: number) => boolean,
  { least = 1, most = Number.MAX_SAFE_INTEGER }: Bounds = {},
): number | undefined {
  if (least < 1 || most < least) throw new RangeError(`No whole numbers from ${least} to ${most}`);
  if (!holds(least)) return undefined;
  let fits = least;
  let exceeds = most + 1;
  while (fits < most) {
    const next = Math.min(2 * fits, most);
    if (!holds(next)) {
      exceeds = next;
      break;
    }
    fits = next;
  }
  while (exceeds - fits > 1) {
    const middle = fits + Math.floor((exceeds - fits) / 2);
    if (holds(middle)) fits = middle;
    else exceeds = middle;
  }
  return fits;
}
