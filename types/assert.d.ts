/** What tests use of `deno-std/assert`, which ships no types. */

/** Throws unless `expr` is truthy. */
export function assert(expr: unknown, msg?: string): asserts expr;

/** Throws unless `expr` is falsy. */
export function assertFalse(expr: unknown, msg?: string): asserts expr is false;

/** Throws unless both are equal in depth. */
export function assertEquals(actual: unknown, expected: unknown, msg?: string): void;

/** Throws if both are equal in depth. */
export function assertNotEquals(actual: unknown, expected: unknown, msg?: string): void;

/** Throws unless the numbers differ by at most `tolerance`; left out, by at most 1e-7 of `expected`. */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void;

/** Throws unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void;

/** Throws unless `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void;

/** Throws unless `actual` has every field of `expected`, equal in depth. */
export function assertObjectMatch(
  actual: object,
  expected: Record<PropertyKey, unknown>,
  msg?: string,
): void;

// deno-lint-ignore no-explicit-any -- whatever a class's constructor takes
type ErrorClass<E> = abstract new (...args: any[]) => E;

/** Throws unless `fn` throws, of that class and with a message that includes `msgIncludes`; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): E;

/** The same of a promise that is rejected. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
export function assertRejects<E extends Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
