/**
 * The function, which returns what it returned before where it is called with the same arguments: a step has thousands of dispatches and
 * few texts. Arguments are plain data, by whose value they are told apart.
 */
export function remembered<Arguments extends unknown[], Result>(
  make: (...given: Arguments) => Result,
): (...given: Arguments) => Result {
  const results = new Map<string, Result>();
  return (...given) => {
    const key = JSON.stringify(given);
    let result = results.get(key);
    if (result === undefined) results.set(key, result = make(...given));
    return result;
  };
}
