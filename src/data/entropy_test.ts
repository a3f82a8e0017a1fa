import { assertAlmostEquals, assertEquals } from "@std/assert";
import { bigramLoss, unigramEntropy } from "./entropy.ts";

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

Deno.test("bigramLoss() of a known text: pairs as they were counted, leaning on single tokens", () => {
  // Of three ids, "0 1 0 1 0" trains: 0 is followed twice, each time by 1; 1 twice, each time by 0. Single tokens: 4/8, 3/8, 1/8.
  const train = Uint8Array.of(0, 1, 0, 1, 0);
  const loss = (...validation: number[]) => bigramLoss(train, Uint8Array.from(validation), 3);
  assertAlmostEquals(loss(0, 1), -Math.log((2 + 3 / 8) / 3), 1e-12);
  assertAlmostEquals(loss(1, 0), -Math.log((2 + 4 / 8) / 3), 1e-12);
  assertAlmostEquals(loss(1, 1), -Math.log((0 + 3 / 8) / 3), 1e-12);
  assertAlmostEquals(loss(0, 2), -Math.log((0 + 1 / 8) / 3), 1e-12);
  assertAlmostEquals(loss(2, 0), -Math.log((0 + 4 / 8) / 1), 1e-12); // 2 was never seen: single tokens alone
  assertAlmostEquals(loss(0, 1, 1), (loss(0, 1) + loss(1, 1)) / 2, 1e-12);
});

Deno.test("bigramLoss() is a probability's: those of all tokens after one add up to 1", () => {
  const train = Uint8Array.of(0, 1, 0, 2, 0, 1, 1);
  for (const before of [0, 1, 2]) {
    const all = [0, 1, 2].map((token) => Math.exp(-bigramLoss(train, Uint8Array.of(before, token), 3)));
    assertAlmostEquals(all.reduce((a, b) => a + b), 1, 1e-12);
  }
});

Deno.test("bigramLoss() of a text in which each token tells the next goes to 0, where single tokens tell nothing", () => {
  const text = Uint8Array.from({ length: 10_000 }, (_, i) => i % 4);
  assertAlmostEquals(bigramLoss(text, text.subarray(0, 1000), 4), 0, 2e-3);
  assertAlmostEquals(unigramEntropy(text, 4), Math.log(4), 1e-12);
});
