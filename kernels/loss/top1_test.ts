import { assertEquals } from "@std/assert";
import { Random } from "../../src/data/random.ts";
import { ignoredTarget } from "./cross_entropy_reference.ts";
import { gpuTest, narrowLimits, normals, runTest } from "../testing/testing.ts";
import { top1 } from "./top1.ts";

/** 1 where no other logit of the row reaches the target's. */
function reference(logits: Float64Array, targets: Int32Array, vocab: number): number[] {
  return Array.from(targets, (target, row) => {
    const values = logits.subarray(row * vocab, (row + 1) * vocab);
    return Number(values.every((z, i) => i === target || z < values[target]));
  });
}

async function check(
  logits: Float64Array,
  targets: Int32Array<ArrayBuffer>,
  vocab: number,
  options = {},
): Promise<number[]> {
  const expected = reference(logits, targets, vocab);
  await runTest(
    (t) => {
      const hits = t.output("hits", targets.length, 1, { stride: 1 });
      top1(
        t.builder,
        t.input("logits", targets.length, vocab, logits),
        t.integers("targets", targets),
        hits,
      );
      return hits;
    },
    async (hits, read) => assertEquals([...await read(hits)], expected),
    options,
  );
  return expected;
}

/** Logits of three values only, so that ties are frequent, all negative, so that padding would win. */
function draw(rows: number, vocab: number): [Float64Array, Int32Array<ArrayBuffer>, number] {
  const random = new Random(3);
  const logits = normals(rows * vocab, 1).map((z) => Math.round(z) - 10);
  const targets = Int32Array.from({ length: rows }, (_, row) => {
    const best = logits.subarray(row * vocab, (row + 1) * vocab);
    return random.below(4) === 0 ? random.below(vocab) : best.indexOf(Math.max(...best));
  });
  return [logits, targets, vocab];
}

gpuTest(
  "top1() counts targets that exceed all other classes, on ragged shapes and over windows",
  async () => {
    const hits = await check(...draw(37, 3));
    assertEquals([...new Set(hits)].sort(), [0, 1]);
    await check(...draw(37, 5));
    await check(normals(3 * 2051, 2), Int32Array.of(0, 2050, 1024), 2051);
    await check(...draw(150, 10), { limits: narrowLimits(64 * 12 * 4) });
  },
);

gpuTest("top1() finds no hit among equal logits, nor for an ignored target", async () => {
  const logits = Float64Array.of(1, 1, 1, -1e4, 1e4, -1e4, -3, -2, -1);
  assertEquals(await check(logits, Int32Array.of(1, 1, ignoredTarget), 3), [0, 1, 0]);
});
