import { assert, assertEquals } from "@std/assert";
import { embeddingBackward, embeddingForward } from "./embedding_reference.ts";
import {
  centralDifferences,
  dot,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../testing/reference_testing.ts";

const shape = { batch: 2, sequence: 3, cols: 5, vocab: 7, positions: 4 };
const tokens = Uint32Array.of(6, 0, 6, 6, 2, 0);

Deno.test("embeddingForward() adds the rows of the token and of its place", () => {
  const words = Float64Array.of(10, 20, 30), places = Float64Array.of(1, 2);
  const x = embeddingForward(Uint32Array.of(2, 0, 1, 1), words, places, { batch: 2, sequence: 2, cols: 1 });
  assertEquals(x, Float64Array.of(31, 12, 21, 22));
});

Deno.test("embeddingBackward() equals central differences with repeated tokens", () => {
  const words = seededValues(shape.vocab * shape.cols, 1);
  const places = seededValues(shape.positions * shape.cols, 2);
  const dx = seededValues(tokens.length * shape.cols, 3);
  const loss = () => dot(embeddingForward(tokens, words, places, shape), dx);
  const { dWord, dPosition } = embeddingBackward(dx, tokens, shape);
  assert(relativeError(dWord, centralDifferences(loss, words)) < finiteDifferenceTolerance);
  assert(relativeError(dPosition, centralDifferences(loss, places)) < finiteDifferenceTolerance);
});
