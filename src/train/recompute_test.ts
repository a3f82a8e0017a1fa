import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gpuTest, padRows, runTest, stepBlock, testGpu } from "../../kernels/testing/testing.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import type { Program } from "../gpu/program.ts";
import { stepTensor } from "../gpu/step_block.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { weightsFrom } from "../models/checkpoint.ts";
import { readGoldenCase } from "../models/golden_case.ts";
import { limit } from "../models/shared/reference_storage.ts";
import { initialValues } from "../models/testing.ts";
import { ParameterSet } from "../nn/parameters.ts";
import { Tape } from "../nn/tape.ts";
import { createPolicy, policyDocument } from "../storage/policies.ts";
import { parsePolicy, type PolicyDocument } from "../storage/policy_document.ts";
import { rateOf } from "../storage/ranges.ts";
import { goldenSession } from "./golden_session.ts";
import { gpt2Task } from "./text_task.ts";
import { errorOf, squaresByTensor } from "./gradient_error.ts";
import { model, options, someBatches, weightsOf, withSession } from "./testing.ts";

const in32 = (fields: Record<string, unknown>) =>
  parsePolicy({ name: "in 32 bits", bits: 32, ...fields }, "");

/** Policies that keep less than `exact` and add nothing up in another order. */
const same: Record<string, PolicyDocument> = {
  recompute: policyDocument("recompute"),
  "GELU's input made again": in32({ rules: [{ tensors: ["gelu"], recompute: true }] }),
  "q, k, v and the output made again": in32({ rules: [{ tensors: ["qkv"], recompute: true }] }),
  "the output made again": in32({ rules: [{ tensors: ["output"], recompute: true }] }),
  "mst, whose pieces are whole here": policyDocument("mst"),
  "the head's gradients in backward": in32({ mini_sequences: { head_gradients: "backward" } }),
};

/** Policies whose pieces each add to the gradients. */
const near: Record<string, PolicyDocument> = {
  "pieces of 64": in32({ mini_sequences: { mlp: 64, head: 64 } }),
  "pieces of 64, recomputed": in32({
    recompute: true,
    mini_sequences: { mlp: 64, head: 64, head_gradients: "backward" },
  }),
};

for (const name of ["gpt2-regular", "gpt2-ragged", "vit-small", "llama-regular", "llama-ragged"]) {
  const golden = readGoldenCase(`${import.meta.dirname}/../models/testdata/${name}`);

  /** Loss and gradients of the first step. */
  const under = async (policy: PolicyDocument) => {
    const read = await golden;
    const session = await goldenSession(
      await testGpu(),
      read,
      weightsFrom(read.weights, read.config, name),
      policy,
      name,
    );
    try {
      session.step(read.batches[0]);
      return { losses: await session.losses(), gradients: await session.gradients() };
    } finally {
      session.destroy();
    }
  };
  let exact: ReturnType<typeof under> | undefined;
  const underExact = () => exact ??= under(policyDocument("exact"));

  for (const [what, policy] of Object.entries(same)) {
    gpuTest(`${name}: ${what}, gives exact's loss and gradients bit for bit`, async () => {
      const [found, expected] = [await under(policy), await underExact()];
      assertEquals(found.losses, expected.losses);
      assertEquals(differing(found.gradients, expected.gradients), []);
    });
  }

  for (const [what, policy] of Object.entries(near)) {
    gpuTest(`${name}: ${what}, gives exact's gradients but for the order of sums`, async () => {
      const [{ gradients }, expected] = [await under(policy), await underExact()];
      for (const [tensor, squares] of squaresByTensor(gradients, expected.gradients)) {
        const { relativeError } = errorOf(squares);
        assert(relativeError <= limit, `${tensor} differs by ${relativeError}`);
      }
      assertNotEquals(differing(gradients, expected.gradients), [], "nothing was taken in pieces");
    });
  }
}

/** Names of tensors of which any bit differs. */
function differing(a: ReadonlyMap<string, NamedTensor>, b: ReadonlyMap<string, NamedTensor>): string[] {
  const differs = (x: ArrayLike<number>, y: ArrayLike<number>) =>
    x.length !== y.length || Array.from(x).some((value, i) => !Object.is(value, y[i]));
  return [...b].filter(([name, { data }]) => differs(a.get(name)!.data, data)).map(([name]) => name);
}

const layers = 3;
/** `mesa8`, but one of three blocks is made again from its input. */
const oneRecomputed = parsePolicy({ name: "mine", rules: [{ layers: [1, 1], recompute: true }] }, "");

/** Range estimates, α and β of each group, by tensor, after gradients of the batches in turn at unchanging weights. */
async function estimatesAfter(batches: ReturnType<typeof someBatches>): Promise<Map<string, Float32Array>> {
  const task = gpt2Task({ ...model, layers }, { ...options, model: { ...model, layers } });
  const parameters = new ParameterSet(task.parameters, typicalGpuLimits);
  const policy = createPolicy(oneRecomputed);
  const found = new Map<string, Float32Array>();
  await runTest(({ builder, fill }) => {
    task.loss(Tape.training(builder, policy), parameters);
    for (const parameter of parameters.all) {
      fill(
        parameter.value,
        padRows(initialValues(task.initial(parameter), parameter, options.seed), parameter.value),
      );
    }
  }, async (_, _read, program) => {
    for (const batch of batches) step(program, batch);
    for (const { estimates } of policy.clipCounters) {
      const words = new Float32Array(await program.read(estimates));
      const pairs = words.slice(0, -estimates.stride).filter((_, i) => i % estimates.stride < 2);
      found.set(estimates.name, pairs);
    }
  }, { times: 0 });
  return found;

  function step(program: Program, batch: typeof batches[0]): void {
    const { contents, valid } = task.pack(batch);
    for (const [tensor, data] of contents) program.write(tensor, data);
    program.write(stepTensor, stepBlock({ seed: 3, inverseValid: 1 / valid }));
    program.run();
  }
}

gpuTest("Range estimates advance once a step, those of a block that is made again, too", async () => {
  const [first, second] = someBatches(2);
  const [ofFirst, ofSecond] = [await estimatesAfter([first]), await estimatesAfter([second])];
  const block = (h: string) =>
    ["ln_1", "attn.qkv", "attn output", "ln_2", "mlp.gelu_input"].map((tensor) => `${h}.${tensor}`);
  const keys = [...block("h.0"), "block 1 input", ...block("h.2")];
  assertEquals([...ofFirst.keys()], keys.map((key) => `${key} range estimates`));
  const rate = rateOf(oneRecomputed.lambda), f32 = Math.fround;
  for (const [name, both] of await estimatesAfter([first, second])) {
    const [old, observed] = [ofFirst.get(name)!, ofSecond.get(name)!];
    assertNotEquals(old, observed);
    const once = old.map((value, i) => f32(value + f32(f32(observed[i] - value) * rate)));
    assertEquals(both, once, name);
  }
});

gpuTest(
  "A block that is made again from stochastic codes has the same gradients each time, by its seed",
  async () => {
    const policy: PolicyDocument = { ...policyDocument("recompute8"), rounding: "stochastic" };
    const deep = { model: { ...model, layers }, policy };
    const [batch] = someBatches(1);
    const weights = await withSession(deep, weightsOf);
    const gradientsOf = (seed: number) =>
      withSession({ ...deep, seed }, async (session) => {
        const program = await session.gradientProgram(createPolicy(policy));
        try {
          session.runGradients(program, batch);
          const first = await session.gradients();
          session.runGradients(program, batch);
          assertEquals(differing(await session.gradients(), first), []);
          session.step(batch);
          assertEquals(differing(await session.gradients(), first), []);
          return first;
        } finally {
          program.destroy();
        }
      }, weights);
    const first = await gradientsOf(1);
    assertEquals(differing(await gradientsOf(1), first), []);
    assertNotEquals(differing(await gradientsOf(2), first), []);
  },
);
