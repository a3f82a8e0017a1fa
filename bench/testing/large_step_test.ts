import { assert, assertEquals, assertRejects } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { UserError } from "../../src/errors.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { llama as tiny } from "../../src/train/testing.ts";
import { checkGradients, checkSteps, type Finding, randomTokens } from "./large_step.ts";

const model = { ...tiny, positions: 200 };
const options = { model, batch: 1, sequence: 150, seed: 1, learningRate: 1e-3 };
const pieces = { mlp: 64, head: 64 };

const findings = async (check: (tell: (finding: Finding) => void) => Promise<void>) => {
  const found: Finding[] = [];
  await check((finding) => found.push(finding));
  return found;
};

gpuTest("checkGradients() finds mst's gradients right, and mst8's by what it stored", async () => {
  const gpu = await testGpu();
  const found = await findings((tell) => checkGradients(gpu, options, tell, pieces));
  assertEquals(found.map(({ pass }) => pass), [true, true, true], found.map(({ text }) => text).join("\n"));
  const none = /at most 0\.00e\+0/;
  assert(!found.some(({ text }) => none.test(text)), "nothing was taken in pieces");
});

gpuTest("checkGradients() refuses what would not be in pieces, or store nothing", async () => {
  const gpu = await testGpu();
  const nothing = () => {};
  await assertRejects(() => checkGradients(gpu, options, nothing), UserError, "give a longer sequence");
  const single = { ...options, model: { ...model, layers: 1 } };
  await assertRejects(() => checkGradients(gpu, single, nothing, pieces), UserError, "give two --layers");
});

gpuTest("checkSteps() finds the loss of other pieces, and no byte beside the plan's", async () => {
  const gpu = await testGpu();
  const policy = policyDocument("mst8");
  const fewer = { parameters: "bf16", moments: "8bit", update: "backward", clipBy: "last" } as const;
  for (const choices of [{}, fewer]) {
    const found = await findings((tell) => checkSteps(gpu, { ...options, ...choices, policy }, 2, tell));
    assertEquals(found.filter(({ pass }) => !pass), []);
    assertEquals(found.filter(({ text }) => text.startsWith("step ")).length, 2);
  }
});

Deno.test("randomTokens() lets each token follow the one before, in every row", () => {
  const { inputs, targets } = randomTokens({ ...options, batch: 2, sequence: 5 });
  for (const row of [0, 5]) {
    assertEquals([...targets.subarray(row, row + 4)], [...inputs.subarray(row + 1, row + 5)]);
  }
  assert(new Set([...inputs, ...targets]).size > 3);
});
