import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { crossEntropy } from "./cross_entropy_reference.ts";
import {
  centralDifferences,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../testing/reference_testing.ts";

const rows = 5, vocab = 7;
const targets = Int32Array.of(3, -100, 0, 6, -100);

Deno.test("crossEntropy() of equal logits is the logarithm of the vocabulary", () => {
  const { losses, meanLoss, validCount } = crossEntropy(new Float64Array(rows * vocab), targets, rows, vocab);
  assertEquals(validCount, 3);
  assertAlmostEquals(meanLoss, Math.log(vocab), 1e-14);
  assertEquals([losses[1], losses[4]], [0, 0]);
});

Deno.test("crossEntropy() equals central differences and leaves ignored rows alone", () => {
  const logits = seededValues(rows * vocab, 1, 3);
  for (const smoothing of [0, 0.1]) {
    const evaluate = () => crossEntropy(logits, targets, rows, vocab, smoothing);
    const { dLogits } = evaluate();
    assert(
      relativeError(dLogits, centralDifferences(() => evaluate().meanLoss, logits)) <
        finiteDifferenceTolerance,
    );
    assert(dLogits.subarray(vocab, 2 * vocab).every((value) => value === 0));
  }
});

Deno.test("crossEntropy() with smoothing mixes the target's loss with the mean over classes", () => {
  const logits = Float64Array.of(1, 2, 5);
  const loss = (target: number, smoothing?: number) =>
    crossEntropy(logits, Int32Array.of(target), 1, 3, smoothing).meanLoss;
  assertAlmostEquals(loss(1, 0.3), 0.7 * loss(1) + 0.1 * (loss(0) + loss(1) + loss(2)), 1e-14);
});

Deno.test("crossEntropy() stays finite for large logits", () => {
  const { meanLoss, dLogits } = crossEntropy(Float64Array.of(1e4, -1e4, 0), Int32Array.of(1), 1, 3);
  assertEquals(meanLoss, 2e4);
  assertEquals(dLogits, Float64Array.of(1, -1, 0));
});

Deno.test("crossEntropy() of ignored targets alone is 0", () => {
  const { meanLoss, validCount, dLogits } = crossEntropy(seededValues(3, 2), Int32Array.of(-100), 1, 3);
  assertEquals([meanLoss, validCount, ...dLogits], [0, 0, 0, 0, 0]);
});
