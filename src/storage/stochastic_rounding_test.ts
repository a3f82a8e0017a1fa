import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gpuTest, padRows, runTest, stepBlock } from "../../kernels/testing/testing.ts";
import { stepTensor } from "../gpu/step_block.ts";
import type { TensorStorage } from "./policy_document.ts";
import * as reference from "./quantize_reference.ts";
import { grouped, level, materializing, narrow, odd, stepData, store, windowed } from "./quantize_testing.ts";
import { readCodes } from "./stored_values.ts";

/** Codes of one 37×60 tensor rounded at random, by seed; `stream` as if as many tensors had been saved before. */
async function withRandomCodes(
  check: (
    x: Float64Array,
    codes: (seed: number, stream?: 0 | 1) => Promise<Uint8Array>,
    tables: reference.ChannelTables,
  ) => Promise<void>,
  storage: Partial<TensorStorage> = {},
  sizes = odd,
  options = materializing,
): Promise<void> {
  const { rows, cols, groups } = grouped(sizes, "head");
  const stochastic = { rounding: "stochastic", ranges: "current", ...storage } as const;
  await runTest(
    (t) => [store(t, sizes, stochastic, 0), store(t, sizes, stochastic, 1)],
    async (stored, _, program) => {
      const x = stepData(sizes, 0);
      for (const s of stored) program.write(s.x, padRows(x, s.x));
      const state = reference.advanceRange(undefined, reference.groupRange(x, rows, cols, groups), 0);
      const codes = (seed: number, stream = 0) => {
        program.write(stepTensor, stepBlock({ seed }));
        program.run();
        return readCodes(program, stored[stream].codes);
      };
      await check(x, codes, reference.channelTables(state, cols, groups, storage.bits));
    },
    { ...options, times: 0 },
  );
}

for (const bits of [8, 2] as const) {
  gpuTest(
    `stochastic rounding takes one of the two neighbouring codes of ${bits} bits, without bias`,
    async () => {
      const seeds = 64;
      await withRandomCodes(async (x, codes, tables) => {
        const sums = new Float64Array(x.length);
        let rounded = 0;
        for (let seed = 1; seed <= seeds; seed++) {
          (await codes(seed)).forEach((code, i) => {
            const error = code - level(x, i, tables);
            // 1e-3 for the roundings of the level itself, as above; the largest element's level has no upper neighbour.
            assert(Math.abs(error) < 1 + 1e-3, `code ${code} for the level ${level(x, i, tables)}`);
            sums[i] += error;
            if (error > 0) rounded++;
          });
          /*
           * An error lies in an interval of length 1, and its mean is at most 1/512: u takes 256 values. By Hoeffding's inequality the mean
           * of n independent errors is further off than √(ln(2/p) / 2n) with probability p; 1e-6 here and below.
           */
          const n = seed * x.length;
          const mean = sums.reduce((a, b) => a + b, 0) / n;
          assert(
            Math.abs(mean) <= 1 / 512 + Math.sqrt(Math.log(2e6) / (2 * n)),
            `mean error ${mean} over ${seed} seeds`,
          );
        }
        if (bits === 8) {
          const share = rounded / (seeds * x.length);
          assert(Math.abs(share - 0.5) < 0.02, `a share of ${share} was rounded up`);
        }
        // Each element by itself: no fixed number is added to it.
        const bound = 1 / 512 + Math.sqrt(Math.log(2e6 * x.length) / (2 * seeds));
        sums.forEach((sum, i) =>
          assert(Math.abs(sum / seeds) <= bound, `mean error ${sum / seeds} of element ${i}`)
        );
      }, { bits });
    },
  );
}

gpuTest("stochastic rounding repeats by seed, and differs between seeds and between tensors", async () => {
  for (const ranges of ["current", "delayed"] as const) {
    await withRandomCodes(async (_x, codes) => {
      const first = await codes(1);
      assertNotEquals(await codes(2), first);
      assertNotEquals(await codes(1, 1), first);
      assertEquals(await codes(1), first);
    }, { ranges });
  }
});

gpuTest("stochastic rounding does not depend on the windows of rows", async () => {
  for (const ranges of ["current", "delayed"] as const) {
    const found: Uint8Array[] = [];
    const keep = async (_x: Float64Array, codes: (seed: number) => Promise<Uint8Array>) => {
      found.push(await codes(5));
    };
    await withRandomCodes(keep, { ranges }, windowed, narrow);
    await withRandomCodes(keep, { ranges }, windowed, materializing);
    assertEquals(found[0], found[1]);
  }
});
