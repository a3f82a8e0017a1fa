import { assertEquals } from "@std/assert";
import { Random } from "../../src/data/random.ts";
import { embeddingForward, positionBackward, wordBackward } from "./embedding.ts";
import { embeddingBackward as backward, embeddingForward as forward } from "./embedding_reference.ts";
import {
  assertClose,
  gpuTest,
  narrowLimits,
  normals,
  runTest,
  type TestProgram,
  tolerance,
} from "../testing/testing.ts";

interface Shape {
  batch: number;
  sequence: number;
  cols: number;
  vocab: number;
  positions: number;
}

const ragged = { batch: 5, sequence: 37, cols: 60, vocab: 101, positions: 40 };
const single = { batch: 1, sequence: 1, cols: 3, vocab: 2, positions: 1 };
/** Three windows of rows, two of words. */
const windowed = { batch: 5, sequence: 32, cols: 60, vocab: 101, positions: 32 };
const narrow = { limits: narrowLimits(64 * 60 * 4) };

/** Tokens of which the first words are frequent and many words never occur. */
function drawTokens({ batch, sequence, vocab }: Shape): Uint32Array<ArrayBuffer> {
  const random = new Random(7);
  return Uint32Array.from({ length: batch * sequence }, () => random.below(1 + random.below(vocab)));
}

/** The tokens and their rows sorted by token, on the device. */
function tokenTensors(t: TestProgram, ids: Uint32Array<ArrayBuffer>, vocab: number) {
  const order = Uint32Array.from(ids.keys()).sort((a, b) => ids[a] - ids[b] || a - b);
  const starts = Uint32Array.from({ length: vocab + 1 }, (_, word) => ids.filter((id) => id < word).length);
  return {
    tokens: t.integers("tokens", ids),
    order: t.integers("order", order),
    starts: t.integers("starts", starts),
  };
}

async function checkForward(shape: Shape, options = {}, learned = true): Promise<void> {
  const { batch, sequence, cols, vocab, positions } = shape;
  const ids = drawTokens(shape);
  const words = normals(vocab * cols, 1);
  const places = normals(positions * cols, 2);
  // One addition, which WGSL rounds correctly: the result is the reference's, rounded.
  const expected = forward(ids, words, learned ? places : undefined, shape).map(Math.fround);
  await runTest(
    (t) => {
      const x = t.output("x", batch * sequence, cols);
      const tables = [
        t.input("words", vocab, cols, words),
        learned ? t.input("positions", positions, cols, places) : undefined,
      ] as const;
      embeddingForward(t.builder, tokenTensors(t, ids, vocab), ...tables, x, sequence);
      return x;
    },
    async (x, read) => assertEquals(await read(x), expected),
    options,
  );
}

async function checkBackward(shape: Shape, accumulate: boolean, options = {}): Promise<void> {
  const { batch, sequence, cols, vocab, positions } = shape;
  const ids = drawTokens(shape);
  const dx = normals(batch * sequence * cols, 3);
  const wordsBefore = normals(vocab * cols, 4);
  const placesBefore = normals(positions * cols, 5);
  const expected = backward(dx, ids, shape);
  const dWords = expected.dWord.map((value, i) => value + (accumulate ? wordsBefore[i] : 0));
  const used = sequence * cols; // rows past the sequence stay as they are
  const dPositions = placesBefore.map((value, i) =>
    i < used ? expected.dPosition[i] + (accumulate ? value : 0) : value
  );
  const mostFrequent = Math.max(...ids.map((id) => ids.filter((other) => other === id).length));
  await runTest((t) => {
    const outputs = [
      t.input("dWords", vocab, cols, wordsBefore),
      t.input("dPositions", positions, cols, placesBefore),
    ] as const;
    const dxTensor = t.input("dx", batch * sequence, cols, dx);
    wordBackward(t.builder, tokenTensors(t, ids, vocab), dxTensor, outputs[0], accumulate);
    positionBackward(t.builder, dxTensor, outputs[1], sequence, accumulate);
    return outputs;
  }, async ([words, places], read) => {
    assertClose(await read(words), dWords, tolerance(mostFrequent + 1), "words");
    assertClose(await read(places), dPositions, tolerance(batch + 1), "positions");
  }, options);
}

gpuTest("embeddingForward() equals the reference to the bit", async () => {
  await checkForward(ragged);
  await checkForward(single);
  await checkForward(ragged, {}, false);
});

gpuTest(
  "embeddingForward() over windows of rows and of words equals the reference",
  async () => {
    await checkForward(windowed, narrow);
    await checkForward(windowed, narrow, false);
  },
);

gpuTest("wordBackward() and positionBackward() write or add", async () => {
  for (const shape of [ragged, single]) {
    await checkBackward(shape, false);
    await checkBackward(shape, true);
  }
});

gpuTest(
  "wordBackward() and positionBackward() over windows of sequences and of words equals the reference",
  async () => {
    await checkBackward(windowed, false, narrow);
    await checkBackward(windowed, true, narrow);
  },
);

gpuTest(
  "embeddingForward() and positionBackward() over windows of positions equal the reference",
  async () => {
    const many = { batch: 2, sequence: 64, cols: 60, vocab: 11, positions: 150 }; // three windows, of which rows take one
    await checkForward(many, narrow);
    await checkBackward(many, false, narrow);
    await checkBackward(many, true, narrow);
  },
);

gpuTest("A part of each sequence may lie in two windows of positions", async () => {
  const [part, cols, first, positions] = [64, 60, 40, 150];
  const [places, dx] = [normals(positions * cols, 1), normals(part * cols, 2)];
  const limits = narrowLimits(64 * cols * 4);
  await runTest((t) => {
    const x = t.output("x", part, cols);
    const tables = [
      t.input("words", 1, cols, new Float64Array(cols)),
      t.input("positions", positions, cols, places),
    ] as const;
    embeddingForward(t.builder, tokenTensors(t, new Uint32Array(part), 1), ...tables, x, part, first);
    const d = t.input("d", positions, cols, places);
    positionBackward(t.builder, t.input("dx", part, cols, dx), d, part, false, first);
    return [x, d];
  }, async ([x, d], read) => {
    const [begin, end] = [first * cols, (first + part) * cols];
    assertEquals(await read(x), places.slice(begin, end));
    assertEquals(
      await read(d),
      Float64Array.from(places, (value, i) => begin <= i && i < end ? dx[i - begin] : value),
    );
  }, { limits });
});

gpuTest(
  "embeddingForward() and positionBackward() of a part of each sequence begin at its first position",
  async () => {
    const [batch, part, cols, first] = [2, 3, 5, 4];
    const ids = new Uint32Array(batch * part);
    const [words, places, dx] = [[1, 5], [9, 5], [batch * part, 5]].map(([rows], i) =>
      normals(rows * cols, i)
    );
    await runTest((t) => {
      const x = t.output("x", batch * part, cols);
      const tables = [t.input("words", 1, cols, words), t.input("positions", 9, cols, places)] as const;
      embeddingForward(t.builder, tokenTensors(t, ids, 1), ...tables, x, part, first);
      const d = t.input("d", 9, cols, places);
      positionBackward(t.builder, t.input("dx", batch * part, cols, dx), d, part, false, first);
      return [x, d];
    }, async ([x, d], read) => {
      const at = (row: number, column: number) => row * cols + column;
      const embedded = dx.map((_, i) =>
        Math.fround(words[i % cols] + places[at(first + Math.floor(i / cols) % part, i % cols)])
      );
      assertEquals(await read(x), embedded);
      const sums = places.slice();
      for (let row = 0; row < part; row++) {
        for (let column = 0; column < cols; column++) {
          sums[at(first + row, column)] = Math.fround(dx[at(row, column)] + dx[at(part + row, column)]);
        }
      }
      assertEquals(await read(d), sums);
    });
  },
);
