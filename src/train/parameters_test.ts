import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { gpuTest, noNumbers, testGpu } from "../../kernels/testing/testing.ts";
import { UserError } from "../errors.ts";
import { readCheckpoint, writeCheckpoint } from "../models/checkpoint.ts";
import { everyWeight } from "../models/testing.ts";
import { gpt2Presets } from "../models/gpt2/config.ts";
import { decode, encode } from "./halves.ts";
import { planTraining } from "./plan_testing.ts";
import {
  llama,
  lossesOf,
  model as tiny,
  periodicBatches,
  someBatches,
  someImages,
  vitOptions,
  weightsOf,
  withSession,
} from "./testing.ts";

/** Unit roundoff of a format. */
const roundoff = { bf16: 2 ** -8, f16: 2 ** -11 };

/** How far the nearest number may be: half a unit, which below 2^-14 is 2^-24 in f16. */
const limitOf = (value: number, format: keyof typeof roundoff) =>
  Math.max(1.000001 * roundoff[format] * Math.abs(value), format === "f16" ? 2 ** -25 : 0);

Deno.test("encode() rounds to the nearest, ties to even, and decode() gives back what is held", () => {
  const values = Float32Array.of(1, -0.1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3e-5, 0);
  for (const dtype of ["bf16", "f16"] as const) {
    const held = decode(encode(values, dtype).buffer, dtype);
    values.forEach((value, i) =>
      assert(Math.abs(held[i] - value) <= limitOf(value, dtype), `${held[i]} for ${value}`)
    );
    assertEquals(decode(encode(held, dtype).buffer, dtype), held);
  }
  assertEquals([...decode(encode(values, "bf16").buffer, "bf16").subarray(2, 4)], [1, 1 + 2 ** -6]);
});

Deno.test("encode() keeps what is no number as none, and infinities", () => {
  const bits = Uint32Array.of(...noNumbers, 0x7f800000, 0xff800000);
  for (const dtype of ["bf16", "f16"] as const) {
    const held = decode(encode(new Float32Array(bits.buffer), dtype).buffer, dtype);
    assertEquals([...held], [...noNumbers.map(() => NaN), Infinity, -Infinity]);
  }
});

gpuTest(
  "A session refuses given weights that f16 cannot hold, and takes the largest that it can",
  async () => {
    const given = await withSession({}, weightsOf);
    const name = "transformer.h.0.mlp.c_fc.weight";
    const begun = (largest: number, parameters: "bf16" | "f16") => {
      const weights = new Map(given).set(name, given.get(name)!.with(5, -largest));
      return withSession({ parameters }, () => Promise.resolve(true), weights);
    };
    assert(await begun(65504, "f16") && await begun(70000, "bf16"));
    await assertRejects(
      () => begun(70000, "f16"),
      UserError,
      `"${name}" holds -70000, beyond the 65504 of f16; take --parameters bf16`,
    );
  },
);

for (const parameters of ["bf16", "f16"] as const) {
  gpuTest(
    `A session with weights in ${parameters} begins with the nearest to f32's, and vectors as they are`,
    async () => {
      for (const changes of [{}, { model: llama }, vitOptions]) {
        const exact = await withSession(changes, (session) => session.parameters());
        const own = await withSession({ ...changes, parameters }, (session) => session.parameters());
        for (const [name, { shape, data }] of exact) {
          const held = own.get(name)!.data;
          const matrix = shape.length > 1 && shape.reduce((a, b) => a * b) > Math.max(...shape);
          data.forEach((value, i) => {
            const limit = matrix ? limitOf(value, parameters) : 0;
            assert(Math.abs(held[i] - value) <= limit, `${name} ${i}: ${held[i]} for ${value}`);
          });
        }
      }
    },
  );

  gpuTest(
    `A session with weights in ${parameters} trains as one in f32 nearly does, and repeats itself`,
    async () => {
      const batches = Array.from({ length: 40 }, ((source) => () => source.next())(periodicBatches()));
      const [exact, own] = [await lossesOf({}, batches), await lossesOf({ parameters }, batches)];
      own.forEach((loss, i) => assertAlmostEquals(loss, exact[i], 0.2, `step ${i + 1}`));
      assert(own.at(-1)! < 0.5, `${own.at(-1)}`);
      assertEquals(await lossesOf({ parameters }, batches), own);
    },
  );

  gpuTest(
    `Weights in ${parameters} go with policies, moments, updates, micro-batches and images`,
    async () => {
      const batches = someBatches(4);
      for (const policy of ["mesa8", "mst8"]) {
        const all = { policy, parameters, moments: "8bit", clipNorm: 0 } as const;
        const after = await lossesOf(all, batches);
        assertEquals(await lossesOf({ ...all, update: "backward" }, batches), after, policy);
      }
      const parts = (changes: object) =>
        withSession({ accumulate: 2, ...changes }, async (session) => {
          session.step(batches.slice(0, 2));
          session.step(batches.slice(2));
          return await session.losses();
        });
      const whole = await parts({});
      (await parts({ parameters })).forEach((loss, i) =>
        assertAlmostEquals(loss, whole[i], 0.05, `parts ${i}`)
      );
      const images = someImages(4);
      const [exact, own] = [
        await lossesOf(vitOptions, images),
        await lossesOf({ ...vitOptions, parameters }, images),
      ];
      own.forEach((loss, i) => assertAlmostEquals(loss, exact[i], 0.1, `images ${i}`));
    },
  );

  gpuTest(`Weights in ${parameters} are saved in f32, and load again as they were`, async () => {
    const path = await Deno.makeTempFile({ suffix: ".safetensors" });
    try {
      const [weights, loss, written] = await withSession({ parameters }, async (session) => {
        for (const batch of someBatches(3)) session.step(batch);
        await session.losses();
        await writeCheckpoint(path, session.unreadParameters(), tiny);
        const written = await session.generate([3], 5, { temperature: 1, seed: 2 });
        return [await weightsOf(session), await session.evaluate(someBatches(2)), written];
      });
      const { weights: read } = await readCheckpoint(path);
      assertEquals(everyWeight(read), weights);
      for (const changes of [{ parameters }, {}]) { // f32 holds what 16 bits do
        await withSession({ ...changes, seed: 77 }, async (session) => {
          const again = await session.evaluate(someBatches(2));
          assertAlmostEquals(again.loss, loss.loss, 1e-6);
          assertEquals(await session.generate([3], 5, { temperature: 1, seed: 2 }), written);
        }, read);
      }
    } finally {
      await Deno.remove(path);
    }
  });

  gpuTest(`A session with weights in ${parameters} makes the buffers of its plan`, async () => {
    const gpu = await testGpu();
    const before = gpu.ledger.liveBytes;
    await withSession({ parameters, moments: "bf16" }, (session) => {
      assertEquals(gpu.ledger.liveBytes - before, session.plan.bufferBytes);
      return Promise.resolve();
    });
  });

  Deno.test(`Weights in ${parameters} take half of f32's bytes, but for vectors`, () => {
    const options = { model: gpt2Presets.small, sequence: 64, batch: 1, policy: "mesa8", seed: 0 };
    const [exact, own] = [planTraining(options), planTraining({ ...options, parameters })];
    const share = own.liveAtPeak.parameters / exact.liveAtPeak.parameters;
    assert(share > 0.5 && share < 0.502, `${share}`);
    // With 8-bit moments: 4 bytes of f32's 12 a parameter, and 4 of 16 with no gradients.
    const least = planTraining({
      ...options,
      parameters,
      moments: "8bit",
      update: "backward",
      clipBy: "last",
    });
    const state = (plan: typeof own) => plan.liveAtPeak.parameters + plan.liveAtPeak.optimizer;
    assert(state(least) <= 0.34 * state(exact), `${state(least) / state(exact)}`);
  });
}
