/** Where a search looks first, and what it does not go beyond. */
export interface Bounds {
  /** The smallest number that is asked about. */
  readonly least?: number;
  /** The largest. */
  readonly most?: number;
  /** Where the number is guessed to lie: fewer questions the better the guess. */
  readonly near?: number;
}

/**
 * The largest whole number of the bounds for which a predicate holds that holds up to some number and not beyond: found by strides that
 * double, from the guess or the least, then by bisection, so with about 2·log₂ of it questions, none asked twice. undefined if it does not
 * even hold for the least.
 *
 * Of a predicate that is not quite so, it is a number for which it holds, and for the next it does not.
 *
 * @throws {RangeError} if `most` is below `least`, or `least` below 1
 */
export async function largestWhere(
  holds: (size: number) => boolean | Promise<boolean>,
  { least = 1, most = Number.MAX_SAFE_INTEGER, near = least }: Bounds = {},
): Promise<number | undefined> {
  if (least < 1 || most < least) throw new RangeError(`No whole numbers from ${least} to ${most}`);
  const first = Math.min(Math.max(near, least), most);
  let [fits, exceeds] = await holds(first) ? [first, most + 1] : [least - 1, first];
  const upwards = fits === first;
  for (let stride = 1; exceeds - fits > 1; stride *= 2) {
    const strode = upwards ? fits + stride : exceeds - stride;
    const next = fits < strode && strode < exceeds ? strode : fits + Math.floor((exceeds - fits) / 2);
    if (await holds(next)) fits = next;
    else exceeds = next;
  }
  return fits < least ? undefined : fits;
}
