import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../errors.ts";
import { readGoldenCase } from "./golden_case.ts";
import { type NamedTensor, readSafetensors, writeSafetensors } from "../io/safetensors.ts";

const ragged = `${import.meta.dirname}/testdata/gpt2-ragged`;
const vit = `${import.meta.dirname}/testdata/vit-small`;

/** Copies a case, the ragged one by default, to a folder that goes away after `use`. */
async function withCopy(use: (folder: string) => Promise<void>, source = ragged) {
  const folder = await Deno.makeTempDir();
  try {
    for await (const { name } of Deno.readDir(source)) {
      await Deno.copyFile(`${source}/${name}`, `${folder}/${name}`);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Asserts that a case whose expected.json `change` has altered is refused with `message`. */
async function assertRefused(
  change: (expected: Record<string, Record<string, unknown>>) => void,
  message: string,
  source = ragged,
) {
  await withCopy(async (folder) => {
    const expected = JSON.parse(await Deno.readTextFile(`${folder}/expected.json`));
    change(expected);
    await Deno.writeTextFile(`${folder}/expected.json`, JSON.stringify(expected));
    await assertRejects(() => readGoldenCase(folder), UserError, message);
  }, source);
}

/** Asserts that a ViT's case in whose batch one tensor is replaced is refused with `message`. */
async function assertBatchRefused(name: string, tensor: NamedTensor, message: string) {
  await withCopy(async (folder) => {
    const batch = await readSafetensors(`${folder}/batch.safetensors`);
    await writeSafetensors(`${folder}/batch.safetensors`, batch.set(name, tensor));
    await assertRejects(() => readGoldenCase(folder), UserError, message);
  }, vit);
}

function floats(...shape: number[]): NamedTensor {
  return { dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b)) };
}

function integers(...shape: number[]): NamedTensor & { dtype: "I32" } {
  return { dtype: "I32", shape, data: new Int32Array(shape.reduce((a, b) => a * b)) };
}

Deno.test("readGoldenCase() reads configuration, tensors and batches", async () => {
  const { config, optimizer, losses, weights, gradients, batches, batch, sequence } = await readGoldenCase(
    ragged,
    "gpt2",
  );
  assertEquals(config, {
    modelType: "gpt2",
    layers: 2,
    width: 60,
    heads: 3,
    vocab: 101,
    positions: 37,
    layerNormEpsilon: 1e-5,
  });
  assertEquals(optimizer, {
    learningRate: 1e-3,
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    weightDecay: 0.01,
    decay: "all",
  });
  assertEquals([batch, sequence, losses.length, batches.length], [3, 37, 10, 10]);
  assertEquals([...weights.keys()].sort(), [...gradients.keys()].sort());
  assertEquals(weights.get("transformer.wte.weight")?.shape, [101, 60]);
  assertEquals(batches.every(({ inputs, targets }) => inputs.length === 111 && targets.length === 111), true);
  assertEquals(batches[0].targets.includes(-100), true);
});

Deno.test("readGoldenCase() reads images and labels", async () => {
  const { modelType, config, losses, weights, batches, batch } = await readGoldenCase(vit, "vit");
  assertEquals(modelType, "vit");
  assertEquals(config, {
    modelType: "vit",
    image: 32,
    patch: 8,
    layers: 2,
    width: 48,
    heads: 3,
    classes: 10,
    layerNormEpsilon: 1e-6,
  });
  assertEquals([batch, losses.length, batches.length], [4, 10, 10]);
  assertEquals(weights.get("patch_embed.proj.weight")?.shape, [48, 3, 8, 8]);
  const { images, labels } = Object.fromEntries(await readSafetensors(`${vit}/batch.safetensors`));
  const size = 4 * 3 * 32 * 32;
  for (const [step, given] of batches.entries()) {
    assertEquals(given.images, images.data.slice(step * size, (step + 1) * size) as typeof given.images);
    assertEquals(given.labels, labels.data.slice(step * 4, (step + 1) * 4) as typeof given.labels);
  }
});

Deno.test("readGoldenCase() reads a ViT of other sizes", async () => {
  await withCopy(async (folder) => {
    const expected = JSON.parse(await Deno.readTextFile(`${folder}/expected.json`));
    expected.config = { ...expected.config, img_size: 21, patch_size: 7, num_classes: 3, num_heads: 16 };
    expected.losses = [1, 2];
    await Deno.writeTextFile(`${folder}/expected.json`, JSON.stringify(expected));
    const labels = integers(2, 5);
    labels.data.set([0, 1, 2]);
    await writeSafetensors(
      `${folder}/batch.safetensors`,
      new Map([["images", floats(2, 5, 3, 21, 21)], ["labels", labels]]),
    );
    const { config, batch, batches } = await readGoldenCase(folder, "vit");
    assertEquals([config.image, config.patch, config.classes, batch], [21, 7, 3, 5]);
    assertEquals(batches.map(({ images }) => images.length), [5 * 3 * 21 * 21, 5 * 3 * 21 * 21]);
    assertEquals(batches.map(({ labels }) => [...labels]), [[0, 1, 2, 0, 0], [0, 0, 0, 0, 0]]);
  }, vit);
});

Deno.test("readGoldenCase() refuses a case of another model than the one asked for", async () => {
  await assertRejects(
    () => readGoldenCase(vit, "gpt2"),
    UserError,
    'vit-small is a reference case of "vit"; give one of "gpt2"',
  );
});

Deno.test("readGoldenCase() names the file that a folder lacks", async () => {
  await assertRejects(
    () => readGoldenCase("no/such/case"),
    UserError,
    "Cannot read no/such/case/expected.json",
  );
  await withCopy(async (folder) => {
    await Deno.remove(`${folder}/grads.safetensors`);
    await assertRejects(() => readGoldenCase(folder), UserError, "grads.safetensors: there is no such file");
  });
});

Deno.test("readGoldenCase() refuses an expected.json that is not JSON", async () => {
  await withCopy(async (folder) => {
    await Deno.writeTextFile(`${folder}/expected.json`, "{");
    await assertRejects(() => readGoldenCase(folder), UserError, "expected.json: at line 1, column ");
  });
});

Deno.test("readGoldenCase() says where expected.json is wrong", async () => {
  await assertRefused(
    ({ config }) => config.model_type = "rnn",
    'config.model_type: the known model types are "gpt2", "vit" and "llama"',
  );
  await assertRefused(({ config }) => delete config.n_embd, "config.n_embd");
  await assertRefused(({ config }) => config.n_head = 7, "config.n_head: n_head must divide n_embd");
  await assertRefused(({ optimizer }) => optimizer.name = "SGD", "optimizer.name");
  for (
    const [field, value, message] of [
      ["patch_size", 5, "patch_size must divide img_size"],
      ["num_heads", 5, "num_heads must divide embed_dim"],
      ["depth", undefined, ""],
      ["mlp_ratio", 3, ""],
      ["qkv_bias", false, ""],
      ["class_token", false, ""],
      ["activation", "gelu (tanh)", ""],
    ] as const
  ) {
    await assertRefused(({ config }) => config[field] = value, `config.${field}: ${message}`, vit);
  }
});

Deno.test("readGoldenCase() refuses files that contradict one another", async () => {
  await assertRefused((expected) => expected.losses.length = 9, "10 steps");
  await assertRefused(({ config }) => config.vocab_size = 100, "holds token id 100");
  await assertRefused(({ config }) => config.n_positions = 36, "sequences of 37 tokens");
  await withCopy(async (folder) => {
    const gradients = await readSafetensors(`${folder}/grads.safetensors`);
    gradients.delete("transformer.wpe.weight");
    await writeSafetensors(`${folder}/grads.safetensors`, gradients);
    await assertRejects(
      () => readGoldenCase(folder),
      UserError,
      "lacks the gradient of transformer.wpe.weight",
    );
  });
});

Deno.test("readGoldenCase() refuses images and labels that contradict the model", async () => {
  await assertRefused(({ config }) => config.img_size = 40, "of [3,32,32] numbers", vit);
  await assertRefused(({ config }) => config.num_classes = 9, "holds label 9", vit);
  await assertRefused((expected) => expected.losses.length = 9, "10 steps", vit);
  await assertBatchRefused("images", floats(10, 4, 1, 32, 32), "of [1,32,32] numbers");
  await assertBatchRefused("images", floats(10, 4, 3 * 32 * 32), "must hold images");
  await assertBatchRefused("images", integers(10, 4, 3, 32, 32), "must hold images");
  await assertBatchRefused("labels", floats(10, 4), "must hold labels");
  await assertBatchRefused("labels", integers(10, 3), "has [10,3] labels for [10,4] images");
  const ignored = integers(10, 4);
  ignored.data[7] = -100;
  await assertBatchRefused("labels", ignored, "holds label -100");
});
