import { assertEquals } from "@std/assert";
import { stepTensor } from "../../src/gpu/step_block.ts";
import { clipScale, gradientNorm as reference } from "./adamw_reference.ts";
import { clipByLast, gradientNorm } from "./gradient_norm.ts";
import {
  assertClose,
  gpuTest,
  granted,
  narrowLimits,
  normals,
  runTest,
  stepBlock,
  tolerance,
} from "../testing/testing.ts";

const cols = 64;
const arenaRows = [600, 5]; // the first is three chunks of sums
const gradients = arenaRows.map((rows, i) => normals(rows * cols, i, 0.1 * (1 + i)));
const norm = reference(gradients);
/** A thread adds 16 vectors of a chunk, then come two trees of eight levels, two roots of the total and the division. */
const roundings = 16 * 4 + 2 * 8 + granted.squareRoot + granted.division;
const garbage = Math.fround(1e30);

async function check(clipNorm: number, slot: number, options = {}): Promise<void> {
  await runTest((t) => {
    const arenas = gradients.map((values, i) => t.input(`arena ${i}`, arenaRows[i], cols, values));
    const norms = t.output("norms", 4, 1, { stride: 1 });
    const clip = t.output("clip", 1, 1, { stride: 1 });
    t.fill(stepTensor, stepBlock({ slot }));
    gradientNorm(t.builder, arenas, norms, clip, clipNorm);
    return { norms, clip };
  }, async ({ norms, clip }, read) => {
    const got = await read(norms);
    assertClose([got[slot]], [norm], tolerance(roundings), "norm");
    assertEquals([...got.slice(0, slot), ...got.slice(slot + 1)], [garbage, garbage, garbage]);
    const scale = clipNorm === 0 ? 1 : clipScale(norm, clipNorm);
    if (scale === 1) assertEquals([...await read(clip)], [1]);
    else assertClose(await read(clip), [scale], tolerance(roundings), "clip");
  }, options);
}

gpuTest(
  "gradientNorm() equals the reference and clips what is larger than the limit",
  () => check(norm / 3, 1),
);

gpuTest("gradientNorm() leaves what is within the limit, and everything without a limit", async () => {
  await check(2 * norm, 3);
  await check(0, 0);
});

gpuTest(
  "gradientNorm() over windows of rows equals the reference",
  () => check(1, 2, { limits: narrowLimits(128 * cols * 4) }),
);

gpuTest("gradientNorm() of no gradient at all is zero and clips nothing", async () => {
  await runTest((t) => {
    const outputs = ["norm", "clip"].map((name) => t.output(name, 1, 1, { stride: 1 }));
    t.fill(stepTensor, stepBlock({}));
    gradientNorm(t.builder, [t.input("arena", 1, 4, [0, 0, 0, 0])], outputs[0], outputs[1], 1);
    return outputs;
  }, async ([norms, clip], read) => {
    assertEquals([...await read(norms), ...await read(clip)], [0, 1]);
  });
});

gpuTest(
  "clipByLast() clips by the norm in the slot before, that of the ring's end at its begin",
  async () => {
    const norms = Float64Array.of(4, 0.5, 0, 2);
    for (const [slot, limit, expected] of [[1, 1, 1 / 4], [2, 1, 1], [3, 1, 1], [0, 1, 1 / 2], [1, 0, 1]]) {
      await runTest((t) => {
        const clip = t.output("clip", 1, 1, { stride: 1 });
        t.fill(stepTensor, stepBlock({ slot }));
        clipByLast(t.builder, t.input("norms", 4, 1, norms, { stride: 1 }), clip, limit);
        return clip;
      }, async (clip, read) => {
        const last = norms.at(slot - 1)!;
        const scale = limit === 0 ? 1 : clipScale(last, limit);
        assertClose([expected], [scale], 1e-5);
        assertClose(await read(clip), [scale], tolerance(1 + granted.division), `slot ${slot}`);
      });
    }
  },
);
