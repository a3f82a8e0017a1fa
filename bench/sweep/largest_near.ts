/**
 * What `largestWhere` finds, of a predicate whose answers are dear, near a good guess: by doubling the distance from it, then by bisection. A guess
 * that is right costs two questions.
 *
 * @param guess a whole number of at least 1, the smallest that is asked about
 */
export async function largestNear(
  guess: number,
  holds: (size: number) => boolean | Promise<boolean>,
): Promise<number | undefined> {
  let [fits, exceeds] = await holds(guess) ? [guess, Infinity] : [0, guess];
  for (let distance = 1; exceeds === Infinity; distance *= 2) {
    if (await holds(fits + distance)) fits += distance;
    else exceeds = fits + distance;
  }
  for (let distance = 1; fits === 0 && exceeds > 1; distance *= 2) {
    const smaller = Math.max(1, exceeds - distance);
    if (await holds(smaller)) fits = smaller;
    else exceeds = smaller;
  }
  while (fits > 0 && exceeds - fits > 1) {
    const middle = fits + Math.floor((exceeds - fits) / 2);
    if (await holds(middle)) fits = middle;
    else exceeds = middle;
  }
  return fits === 0 ? undefined : fits;
}
