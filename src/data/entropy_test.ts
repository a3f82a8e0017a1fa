import { assertAlmostEquals, assertEquals } from "@std/assert";
import { unigramEntropy } from "./entropy.ts";

Deno.test("unigramEntropy() of equally frequent tokens is the logarithm of their number", () => {
  assertAlmostEquals(unigramEntropy(new Uint16Array([7, 300, 7, 300, 0, 9, 9, 0]), 301), Math.log(4), 1e-12);
});

Deno.test("unigramEntropy() weighs tokens by their frequency", () => {
  const expected = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25));
  assertAlmostEquals(unigramEntropy(new Uint8Array([1, 1, 1, 0]), 256), expected, 1e-12);
});

Deno.test("unigramEntropy() of one token, or of none, is zero", () => {
  assertEquals(unigramEntropy(new Uint8Array(5), 256), 0);
  assertEquals(unigramEntropy(new Uint8Array(), 256), 0);
});
