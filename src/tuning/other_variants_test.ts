import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { attentionKey } from "../../kernels/attention/attention_shape.ts";
import { matmulKey } from "../../kernels/products/matmul_choice.ts";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { builderOptionsFor, gpuWith, softwareWith } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { describeStep } from "../train/plan_training.ts";
import type { TrainOptions } from "../train/options.ts";
import { options, someBatches, withSession } from "../train/testing.ts";
import { otherVariants } from "./other_variants.ts";
import { tuningCase } from "./tuning_case.ts";

const gpu = gpuWith(typicalGpuLimits);
const product = matmulKey("nn", { m: 256, n: 256, k: 1024 });
const attention = attentionKey("forward", { batch: 2, heads: 4, sequence: 128, headSize: 32, causal: true });

Deno.test("otherVariants() cuts a product into one part more, and into one less where there are as many as can be", () => {
  const tile = "workgroup-64x64x16-8x8";
  for (const [parts, others] of [["", "/2"], ["/2", "/3"], ["/16", "/17"], ["/64", "/63"]]) {
    assertEquals(otherVariants({ [product]: tile + parts }, gpu), { [product]: tile + others });
  }
});

Deno.test("otherVariants() takes the likeliest other way of attention, and leaves out what has one way only", () => {
  const [first, second] = tuningCase(attention, gpu).candidates;
  assertEquals(otherVariants({ [attention]: first }, gpu), { [attention]: second });
  assertEquals(otherVariants({ [attention]: second }, gpu), { [attention]: first });
  const software = softwareWith(typicalGpuLimits);
  const [only, ...others] = tuningCase(attention, software).candidates;
  assertEquals([others, otherVariants({ [attention]: only }, software)], [[], {}]);
});

gpuTest("A step by other variants trains alike, and rounds otherwise", async () => {
  const adapter = builderOptionsFor(await testGpu());
  const { variants } = describeStep(options, adapter);
  const others = otherVariants(variants, adapter);
  const taken = describeStep({ ...options, variants: others }, adapter).variants;
  assertEquals(Object.keys(taken), Object.keys(variants));
  for (const key of Object.keys(others)) assertNotEquals(taken[key], variants[key]);
  const trained = (changes: Partial<TrainOptions>) =>
    withSession(changes, async (session) => {
      for (const batch of someBatches(6)) session.step(batch);
      return { losses: await session.losses(), gradients: await session.gradients() };
    });
  const usual = await trained({});
  assertEquals(await trained({}), usual, "the same variants give the same bits");
  const other = await trained({ variants: others });
  assertNotEquals(other.gradients, usual.gradients); // a few losses may round alike
  other.losses.forEach((loss, i) => {
    assert(Math.abs(loss - usual.losses[i]) < 1e-4 * usual.losses[i], `${loss} for ${usual.losses[i]}`);
  });
});
