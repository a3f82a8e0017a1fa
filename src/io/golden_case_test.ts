import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../errors.ts";
import { readGoldenCase } from "./golden_case.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

const ragged = `${import.meta.dirname}/../models/testdata/gpt2-ragged`;

/** Copies the ragged case to a folder that goes away after `use`. */
async function withCopy(use: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    for await (const { name } of Deno.readDir(ragged)) {
      await Deno.copyFile(`${ragged}/${name}`, `${folder}/${name}`);
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
) {
  await withCopy(async (folder) => {
    const expected = JSON.parse(await Deno.readTextFile(`${folder}/expected.json`));
    change(expected);
    await Deno.writeTextFile(`${folder}/expected.json`, JSON.stringify(expected));
    await assertRejects(() => readGoldenCase(folder), UserError, message);
  });
}

Deno.test("readGoldenCase() reads configuration, tensors and batches", async () => {
  const { config, optimizer, losses, weights, gradients, batches, batch, sequence } = await readGoldenCase(
    ragged,
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
    await assertRejects(() => readGoldenCase(folder), UserError, "expected.json is not JSON");
  });
});

Deno.test("readGoldenCase() says where expected.json is wrong", async () => {
  await assertRefused(
    ({ config }) => config.model_type = "rnn",
    'config.model_type: the known model type is "gpt2"',
  );
  await assertRefused(({ config }) => delete config.n_embd, "config.n_embd");
  await assertRefused(({ config }) => config.n_head = 7, "config.n_head: n_head must divide n_embd");
  await assertRefused(({ optimizer }) => optimizer.name = "SGD", "optimizer.name");
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
