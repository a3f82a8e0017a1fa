import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { layerNormForward } from "../../kernels/norms/layer_norm_reference.ts";
import { gpuTest } from "../../kernels/testing/testing.ts";
import type { TokenBatch } from "../data/batches.ts";
import { policyDocument } from "../storage/policies.ts";
import { parsePolicy } from "../storage/policy_document.ts";
import { model, size, someBatches, weightsOf, withSession } from "./testing.ts";

gpuTest("TrainingSession rounds by other random bits in every step", async () => {
  const [batch] = someBatches(1);
  for (const rounding of ["stochastic", "nearest"] as const) {
    // Weights stay and ranges are the batch's own, so that two steps on one batch differ in their random bits alone.
    const policy = { ...policyDocument("mesa8"), ranges: "current" as const, rounding };
    const [first, second] = await withSession({ policy, learningRate: 0 }, async (session) => {
      session.step(batch);
      const first = await session.gradients();
      session.step(batch);
      return [first, await session.gradients()];
    });
    if (rounding === "nearest") assertEquals(first, second);
    else assertNotEquals(first, second);
  }
});

/** A batch that takes its tokens in turn. */
function cycling(tokens: number[]): TokenBatch {
  const inputs = Uint32Array.from(
    { length: size.batch * size.sequence },
    (_, i) => tokens[i % tokens.length],
  );
  return { inputs, targets: Int32Array.from(inputs) };
}

gpuTest(
  "TrainingSession.clippedShare() is the share of the last step's elements outside their ranges",
  async () => {
    const weights = new Map(await withSession({}, weightsOf));
    // Without positions and attention both LayerNorms of the block see the tokens' embeddings.
    for (const name of ["wpe.weight", "h.0.attn.c_proj.weight", "h.0.attn.c_proj.bias"]) {
      const known = weights.get(`transformer.${name}`)!;
      weights.set(`transformer.${name}`, new Float32Array(known.length));
    }
    const words = Float64Array.from(weights.get("transformer.wte.weight")!);
    const { width, vocab, layerNormEpsilon } = model;
    const { normalized } = layerNormForward(words, vocab, width, layerNormEpsilon);
    const [before, now] = [[0, 1, 2, 3], [4, 5, 6, 7, 8, 9]];
    let outside = 0;
    for (let channel = 0; channel < width; channel++) {
      const valueOf = (token: number) => normalized[token * width + channel];
      const [low, high] = [Math.min(...before.map(valueOf)), Math.max(...before.map(valueOf))];
      const half = (high - low) / 255 / 2; // what lies so near to an end is rounded to it
      outside += now.map(valueOf).filter((x) => x < low - half || x >= high + half).length;
    }
    const expected = outside / (width * now.length);
    assert(expected > 0.2 && expected < 0.8, `a share of ${expected} shows little`);

    const rule = { tensors: ["layer_norm"], bits: 8, grouping: { channels: 1 } };
    const rounded = { ranges: "delayed", rounding: "nearest" };
    const policy = parsePolicy({ name: "delayed", bits: 32, ...rounded, rules: [rule] }, "delayed");
    await withSession({ policy, learningRate: 0 }, async (session) => {
      session.step(cycling(before));
      assertEquals(await session.clippedShare(), 0);
      session.step(cycling(now));
      assertEquals(await session.clippedShare(), expected);
    }, weights);
  },
);
