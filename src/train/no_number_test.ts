import { assert, assertEquals, assertRejects } from "@std/assert";
import { gpuTest, noMatrices } from "../../kernels/testing/testing.ts";
import { UserError } from "../errors.ts";
import { writeCheckpoint } from "../models/checkpoint.ts";
import { describeChoices, type StepChoices } from "./step_choices.ts";
import { llama, someBatches, weightsOf, withSession } from "./testing.ts";

const choices: StepChoices[] = [
  {},
  { parameters: "bf16" },
  { parameters: "f16" },
  { moments: "bf16" },
  { moments: "8bit" },
  { arithmetic: "f16" },
  { arithmetic: "f16x3" },
];
const cannotRun = await noMatrices();
const word = llama.vocab - 1;

/** Two batches, of which the first alone holds the word. */
const batches = () =>
  someBatches(2).map(({ inputs, targets }, step) => ({
    inputs: inputs.map((token, i) => step === 0 && i % 2 === 0 ? word : Math.min(token, word - 1)),
    targets,
  }));

/**
 * Weights by which the gradient of one matrix overflows, and no other. Blocks add nothing; the channel that the word alone has makes hidden
 * numbers large, on which no loss hangs, but the gradient of what multiplies them.
 */
async function overflowing() {
  const weights = new Map(await withSession({ model: llama }, weightsOf));
  for (const [name, values] of weights) {
    if (/(o_proj|down_proj)\.weight$/.test(name)) values.fill(0);
    if (name === "model.embed_tokens.weight") {
      for (let i = 0; i < values.length; i += llama.width) values[i] = 0;
      values.fill(0, word * llama.width);
      values[word * llama.width] = 1;
    }
    if (name === "model.layers.0.post_attention_layernorm.weight") values[0] = 3e18;
    if (name === "model.norm.weight") values.fill(1e6);
  }
  return weights;
}

for (const choice of choices) {
  const name = describeChoices(choice).join(", ") || "all in f32";
  gpuTest(`After a gradient that is no number no loss is one, and nothing is saved: ${name}`, async () => {
    const [first, second] = batches();
    const still = { model: llama, learningRate: 0, clipNorm: 0 }; // nothing else moves
    await withSession({ ...still, ...choice }, async (session) => {
      session.step(first);
      const gradients = [...await session.gradients()];
      // Some adapters' sums are infinite where others' are no numbers.
      const isOver = (x: number) => !Number.isFinite(x);
      const over = gradients.filter(([, { data }]) => data.some(isOver)).map(([name]) => name);
      assertEquals(over, ["model.layers.0.mlp.down_proj.weight"]);
      session.step(second);
      const losses = await session.losses();
      assert(Number.isFinite(losses[0]), `${losses[0]}`);
      assertEquals([losses[1], (await session.evaluate([second])).loss], [NaN, NaN]);
      const save = () => writeCheckpoint("not-written.safetensors", session.unreadParameters(), llama);
      await assertRejects(save, UserError, "training has diverged");
      await assertRejects(() => Deno.stat("not-written.safetensors"), Deno.errors.NotFound);
    }, await overflowing());
  }, choice.arithmetic && cannotRun);
}
