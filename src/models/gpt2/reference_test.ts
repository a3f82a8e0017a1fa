import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  centralDifferences,
  finiteDifferenceTolerance,
  relativeError,
  seededValues,
} from "../../../kernels/testing/reference_testing.ts";
import { readGoldenCase } from "../golden_case.ts";
import { policyNamed } from "../../storage/testing.ts";
import {
  advanceRange,
  channelTables,
  dequantize,
  groupRange,
  quantizeNearest,
} from "../../storage/quantize_reference.ts";
import { gpt2LossAndGradients, type Gpt2ReferenceConfig, gpt2TrainStep } from "./reference.ts";
import type { ReferenceStorage, ReferenceStore } from "../shared/reference_storage.ts";
import { referenceState, type ReferenceTensors, referenceWeights } from "../shared/transformer_reference.ts";

const tiny: Gpt2ReferenceConfig = {
  layers: 2,
  width: 6,
  heads: 2,
  vocab: 7,
  positions: 5,
  layerNormEpsilon: 1e-5,
};
const tinyShape = { batch: 2, sequence: 3 };
const tinyInputs = Uint32Array.of(6, 0, 3, 3, 3, 1);
const tinyTargets = Int32Array.of(0, 3, -100, 3, 1, 5);

function tinyWeights(): ReferenceTensors {
  const { layers, width: C, vocab, positions } = tiny;
  const sizes: [string, number][] = [["wte.weight", vocab * C], ["wpe.weight", positions * C]];
  const norm = (name: string): [string, number][] => [[`${name}.weight`, C], [`${name}.bias`, C]];
  const linear = (name: string, rows: number, cols: number): [string, number][] => [
    [`${name}.weight`, rows * cols],
    [`${name}.bias`, cols],
  ];
  for (let i = 0; i < layers; i++) {
    sizes.push(...norm(`h.${i}.ln_1`), ...linear(`h.${i}.attn.c_attn`, C, 3 * C));
    sizes.push(...linear(`h.${i}.attn.c_proj`, C, C), ...norm(`h.${i}.ln_2`));
    sizes.push(...linear(`h.${i}.mlp.c_fc`, C, 4 * C), ...linear(`h.${i}.mlp.c_proj`, 4 * C, C));
  }
  sizes.push(...norm("ln_f"));
  return new Map(sizes.map(([name, size], i) => [`transformer.${name}`, seededValues(size, i + 1, 0.5)]));
}

function tinyRun(weights: ReferenceTensors, storage?: ReferenceStorage) {
  return gpt2LossAndGradients(weights, tiny, tinyInputs, tinyTargets, tinyShape, storage);
}

Deno.test("gpt2LossAndGradients() equals central differences for every parameter", () => {
  const weights = tinyWeights();
  const { gradients } = tinyRun(weights);
  assertEquals([...gradients.keys()].sort(), [...weights.keys()].sort());
  for (const [name, weight] of weights) {
    // c_attn.bias holds the bias of the keys, whose gradient vanishes; by norm over the whole tensor that does no harm.
    const numeric = centralDifferences(() => tinyRun(weights).loss, weight);
    assert(relativeError(gradients.get(name)!, numeric) < finiteDifferenceTolerance, name);
  }
});

Deno.test("gpt2LossAndGradients() saves five tensors a block", () => {
  const sizes: [string, number, number][] = [];
  const { savedNames } = tinyRun(tinyWeights(), {
    store(name, tensor, rows, cols) {
      assertEquals(tensor.length, rows * cols);
      sizes.push([name, rows, cols]);
      return tensor;
    },
  });
  assertEquals(savedNames, sizes.map(([name]) => name));
  const block = (i: number): [string, number, number][] => [
    [`h.${i}.ln_1`, 6, 6],
    [`h.${i}.attn.qkv`, 6, 18],
    [`h.${i}.attn output`, 6, 6],
    [`h.${i}.ln_2`, 6, 6],
    [`h.${i}.mlp.gelu_input`, 6, 24],
  ];
  assertEquals(sizes, [...block(0), ...block(1)]);
});

Deno.test("gpt2LossAndGradients() reads each stored tensor where backward needs it, and nowhere else", () => {
  const exact = tinyRun(tinyWeights());
  // Gradients of block 1 that a change of the stored tensor leaves alone; ln_f and all losses are exact in any case.
  const mlp = ["mlp.c_proj.weight", "mlp.c_proj.bias", "mlp.c_fc.weight", "mlp.c_fc.bias"];
  const norm2 = ["ln_2.weight", "ln_2.bias"];
  const projection = ["attn.c_proj.weight", "attn.c_proj.bias"];
  const attention = ["attn.c_attn.weight", "attn.c_attn.bias"];
  const untouched: Record<string, string[]> = {
    "mlp.gelu_input": ["mlp.c_proj.bias"],
    "ln_2": [...mlp.filter((name) => name !== "mlp.c_fc.weight"), "ln_2.bias"],
    "attn output": [...mlp, ...norm2, "attn.c_proj.bias"],
    "attn.qkv": [...mlp, ...norm2, ...projection],
    "ln_1": [...mlp, ...norm2, ...projection, "attn.c_attn.bias", "ln_1.bias"],
  };
  const block1 = [...mlp, ...norm2, ...projection, ...attention, "ln_1.weight", "ln_1.bias"];
  for (const [saved, same] of Object.entries(untouched)) {
    const { loss, gradients } = tinyRun(tinyWeights(), {
      store: (name, tensor) =>
        name === `h.1.${saved}` ? tensor.map((value, i) => value + 0.01 * (i % 3)) : tensor,
    });
    assertEquals(loss, exact.loss);
    const changed = (name: string) => relativeError(gradients.get(name)!, exact.gradients.get(name)!) > 1e-9;
    assertEquals(block1.filter((name) => !changed(`transformer.h.1.${name}`)).sort(), same.sort(), saved);
    assert(!changed("transformer.ln_f.weight") && !changed("transformer.ln_f.bias"));
    assert(changed("transformer.h.0.mlp.c_proj.bias") && changed("transformer.wpe.weight"));
  }
});

Deno.test("gpt2LossAndGradients() gives the same gradients however its tensors are saved, or made again", () => {
  const exact = tinyRun(tinyWeights());
  const saved = (policy: string) => {
    const { gradients, savedNames } = tinyRun(tinyWeights(), { plan: policyNamed(policy) });
    for (const [name, gradient] of exact.gradients) {
      assert(relativeError(gradients.get(name)!, gradient) < 1e-12, `${name} under ${policy}`);
    }
    return savedNames;
  };
  assertEquals(saved("recompute"), ["block 1 input"]); // the first block's input is embeddings, made again
  assertEquals(saved("mesa8-selective"), exact.savedNames.filter((name) => !name.endsWith("gelu_input")));
  const attention = ["logits", "probabilities", "probabilities again"].map((what) => `h.0.attn ${what}`);
  assertEquals(saved("mesa8-paper").filter((name) => name.startsWith("h.0.")), [
    ...["h.0.ln_1", "h.0.attn.qkv input", ...attention, "h.0.attn.qkv", "h.0.attn.proj input"],
    ...["h.0.ln_2", "h.0.mlp.gelu_input input", "h.0.mlp.gelu_input", "h.0.mlp.narrow input"],
  ]);
});

Deno.test("gpt2LossAndGradients() makes tensors again from what was stored", () => {
  /** Names of the gradients that change where one tensor is stored wrongly. */
  const changed = (policy: string, wrong: string) => {
    const plan = policyNamed(policy);
    const exact = tinyRun(tinyWeights(), { plan });
    const { gradients } = tinyRun(tinyWeights(), {
      plan,
      store: (key, tensor) => key === wrong ? tensor.map((value, i) => value + 0.01 * (i % 3)) : tensor,
    });
    return [...gradients].filter(([name, gradient]) =>
      relativeError(gradient, exact.gradients.get(name)!) > 1e-9
    ).map(([name]) => name.replace("transformer.", ""));
  };
  // All of a block hangs on its input, but the bias of what is added last.
  const block = changed("recompute", "block 1 input").filter((name) => name.startsWith("h.1."));
  assertEquals(block.length, 11);
  assert(!block.includes("h.1.mlp.c_proj.bias"));
  // GELU's input from the norm's rows: the second layer's weights read it, and the first one's bias through GELU's derivative.
  const selective = changed("mesa8-selective", "h.1.ln_2");
  for (const name of ["mlp.c_proj.weight", "mlp.c_fc.bias"]) assert(selective.includes(`h.1.${name}`), name);
});

for (const name of ["gpt2-regular", "gpt2-ragged"]) {
  const folder = `${import.meta.dirname}/../testdata/${name}`;

  Deno.test(`gpt2LossAndGradients() equals PyTorch's first-step gradients of ${name}`, async () => {
    const { config, weights, gradients: expected, batches, ...shape } = await readGoldenCase(folder, "gpt2");
    const [{ inputs, targets }] = batches;
    const { gradients } = gpt2LossAndGradients(referenceWeights(weights), config, inputs, targets, shape);
    assertEquals([...gradients.keys()].sort(), [...expected.keys()].sort());
    for (const [tensor, { data }] of expected) {
      // The file rounds to float32: 2^-24 = 6e-8 an element.
      assert(relativeError(gradients.get(tensor)!, data) < 1e-7, tensor);
    }
  });

  Deno.test(`gpt2TrainStep() repeats PyTorch's ten losses of ${name}`, async () => {
    const { config, optimizer, losses, weights, batches, ...shape } = await readGoldenCase(folder, "gpt2");
    const state = referenceState(referenceWeights(weights));
    const [beta1, beta2] = optimizer.betas;
    for (const [step, batch] of batches.entries()) {
      const loss = gpt2TrainStep(state, config, batch, shape, { ...optimizer, beta1, beta2 });
      assertAlmostEquals(loss, losses[step], 1e-9, `step ${step + 1}`);
    }
  });

  Deno.test(`gpt2LossAndGradients() errs by about a percent on ${name} when stored in 8 bits`, async () => {
    const { config, weights, batches, ...shape } = await readGoldenCase(folder, "gpt2");
    const [{ inputs, targets }] = batches;
    const store: ReferenceStore = (saved, tensor, rows, cols) => {
      const groups = saved.endsWith("qkv") ? 3 * config.heads : config.heads;
      const tables = channelTables(
        advanceRange(undefined, groupRange(tensor, rows, cols, groups), 0.9),
        cols,
        groups,
      );
      return dequantize(quantizeNearest(tensor, rows, cols, tables).codes, rows, cols, tables);
    };
    const run = (storage?: ReferenceStorage) =>
      gpt2LossAndGradients(referenceWeights(weights), config, inputs, targets, shape, storage);
    const exact = run(), stored = run({ store });
    assertEquals(stored.loss, exact.loss);
    const all = (gradients: ReferenceTensors) =>
      [...gradients.keys()].sort().flatMap((key) => [...gradients.get(key)!]);
    const overall = relativeError(all(stored.gradients), all(exact.gradients));
    assert(overall > 1e-3 && overall < 2e-2, `${overall}`);
    for (const [tensor, gradient] of exact.gradients) {
      assert(relativeError(stored.gradients.get(tensor)!, gradient) < 5e-2, tensor);
    }
  });
}

Deno.test("gpt2TrainStep() clips by the global norm and decays only what it is told to", () => {
  const adamw = { learningRate: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.5 };
  const after = (options: { clipNorm?: number; decayed?: (name: string) => boolean }) => {
    const state = referenceState(tinyWeights());
    gpt2TrainStep(state, tiny, { inputs: tinyInputs, targets: tinyTargets }, tinyShape, {
      ...adamw,
      ...options,
    });
    return state;
  };
  const whole = after({}), clipped = after({ clipNorm: 1e-3 });
  const norm = (tensors: ReferenceTensors) =>
    Math.hypot(...[...tensors.values()].flatMap((tensor) => [...tensor]));
  assert(norm(whole.m) > 1e-3);
  assertAlmostEquals(norm(clipped.m), (1 - adamw.beta1) * 1e-3, 1e-6);
  const matrices = after({ decayed: (name) => !name.endsWith("bias") });
  const name = "transformer.ln_f";
  assertEquals(matrices.weights.get(`${name}.weight`), whole.weights.get(`${name}.weight`));
  const difference = matrices.weights.get(`${name}.bias`)![0] - whole.weights.get(`${name}.bias`)![0];
  assertAlmostEquals(difference, 0.05 * tinyWeights().get(`${name}.bias`)![0], 1e-12);
});
