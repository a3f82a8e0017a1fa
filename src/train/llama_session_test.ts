import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { readCheckpoint, weightsFrom, writeCheckpoint } from "../models/checkpoint.ts";
import { llamaLossAndGradients } from "../models/llama/reference.ts";
import { referenceWeights } from "../models/shared/transformer_reference.ts";
import { policyNames } from "../storage/policies.ts";
import type { TrainingSession } from "./session.ts";
import { llama, lossesOf, periodicBatches, size, someBatches, withSession } from "./testing.ts";

/** The weights as models hold them. */
const weightsOf = async (session: TrainingSession) =>
  weightsFrom(await session.parameters(), llama, "session");

gpuTest("A Llama learns a periodic text under every policy", async () => {
  for (const policy of policyNames.filter((name) => name !== "mesa2")) {
    await withSession({ model: llama, policy }, async (session) => {
      const source = periodicBatches();
      for (let step = 0; step < 40; step++) session.step(source.next());
      const losses = await session.losses();
      const [first, last] = [losses[0], losses.at(-1)!];
      assert(first > 2 && last < 0.5, `${policy}: ${first} becomes ${last}`);
    });
  }
});

gpuTest("A Llama repeats its losses bit for bit by seed, and begins with the reference's", async () => {
  const batches = someBatches(4);
  for (const policy of ["exact", "mesa8", "mst8"]) {
    const losses = await lossesOf({ model: llama, policy }, batches);
    assertEquals(await lossesOf({ model: llama, policy }, batches), losses);
    assertNotEquals(await lossesOf({ model: llama, policy, seed: 2 }, batches), losses);
  }
  await withSession({ model: llama }, async (session) => {
    const [{ inputs, targets }] = batches;
    const weights = referenceWeights(await weightsOf(session));
    const { loss } = llamaLossAndGradients(weights, llama, inputs, targets, size);
    session.step(batches[0]);
    assertAlmostEquals((await session.losses())[0], loss, 1e-5);
  });
});

gpuTest("A Llama writes the reference's likeliest token at temperature 0", async () => {
  await withSession({ model: llama }, async (session) => {
    const source = periodicBatches();
    for (let step = 0; step < 25; step++) session.step(source.next());
    await session.losses();
    const weights = referenceWeights(await weightsOf(session));
    const likeliest = (context: number[]) => {
      const sequence = context.length;
      const losses = Array.from({ length: llama.vocab }, (_, token) => {
        const targets = new Int32Array(sequence).fill(-100);
        targets[sequence - 1] = token;
        const inputs = Uint32Array.from(context);
        return llamaLossAndGradients(weights, llama, inputs, targets, { batch: 1, sequence }).loss;
      });
      return losses.indexOf(Math.min(...losses));
    };
    const tokens = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 3, 1, 4, 1];
    const greedy = await session.generate(tokens, 5, { temperature: 0, seed: 1 });
    assert(new Set(greedy).size >= 4, `${greedy} shows nothing`);
    for (const token of greedy) {
      assertEquals(token, likeliest(tokens.slice(-size.sequence)));
      tokens.push(token);
    }
  });
});

gpuTest(
  "A Llama's update in backward leaves the very weights of one after the step, its head tied or not",
  async () => {
    const batches = someBatches(3);
    for (const tiedHead of [false, true]) {
      for (const policy of ["exact", "mst8"]) {
        const trained = (update: "step" | "backward") =>
          withSession({ model: { ...llama, tiedHead }, policy, clipNorm: 0, update }, async (session) => {
            for (const batch of batches) session.step(batch);
            return { losses: await session.losses(), weights: await session.parameters() };
          });
        assertEquals(await trained("backward"), await trained("step"), `${policy}, ${tiedHead}`);
      }
    }
  },
);

gpuTest("A Llama goes on from its checkpoint with the same loss", async () => {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  const [first, second] = someBatches(2);
  const expected = await withSession({ model: llama }, async (session) => {
    session.step(first);
    await session.losses();
    await writeCheckpoint(path, session.unreadParameters(), llama);
    session.step(second);
    return await session.losses();
  });
  const { model, weights } = await readCheckpoint(path);
  assertEquals({ ...model, name: llama.name }, llama);
  assertEquals(await lossesOf({ model }, [second], weights), expected);
  await Deno.remove(path);
});
