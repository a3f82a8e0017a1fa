import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../../errors.ts";
import { readCheckpoint, weightsFrom, writeCheckpoint } from "../checkpoint.ts";
import { gpt2Checkpoint } from "./checkpoint.ts";
import type { Gpt2Config } from "./config.ts";
import { gpt2Parameters, type Gpt2Sizes } from "./parameters.ts";
import { type NamedTensor, writeSafetensors } from "../../io/safetensors.ts";
import { everyWeight } from "../testing.ts";

const sizes: Gpt2Sizes = { layers: 2, width: 6, vocab: 5, positions: 4 };
const model: Gpt2Config = {
  modelType: "gpt2",
  name: "trained.safetensors",
  ...sizes,
  heads: 2,
  layerNormEpsilon: 1e-6,
};

/** Tensors of the right shapes, each number different from the others. */
function checkpoint(of: Gpt2Sizes = sizes): Map<string, NamedTensor> {
  let next = 0;
  return new Map(
    gpt2Parameters(of, "all").map(({ name, shape }) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b)).map(() => next++);
      return [name, { dtype: "F32", shape: [...shape], data }];
    }),
  );
}

function numbers(shape: number[], data: number[] = []): NamedTensor {
  return { dtype: "F32", shape, data: new Float32Array(data) };
}

function withoutPrefix(tensors: Map<string, NamedTensor>): Map<string, NamedTensor> {
  return new Map([...tensors].map(([name, tensor]) => [name.replace("transformer.", ""), tensor]));
}

const weights = (tensors: ReadonlyMap<string, NamedTensor>) => weightsFrom(tensors, model, "file");

function sizesFrom(tensors: ReadonlyMap<string, NamedTensor>, settings: Partial<Gpt2Config> = {}) {
  return gpt2Checkpoint.sizesFrom(gpt2Checkpoint.canonical(tensors, "file"), "file", settings);
}

function weightsError(tensors: Map<string, NamedTensor>): string {
  return assertThrows(() => weights(tensors), UserError).message;
}

Deno.test("gpt2Parameters() has the names and the 124 439 808 parameters of the published small model", () => {
  const small = { layers: 12, width: 768, vocab: 50257, positions: 1024 };
  const shapes = new Map(gpt2Parameters(small, "all").map(({ name, shape }) => [name, [...shape]]));
  const count = [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b), 0);
  assertEquals([shapes.size, count], [148, 124_439_808]);
  assertEquals(shapes.get("transformer.h.11.attn.c_attn.weight"), [768, 2304]);
  assertEquals(shapes.get("transformer.h.11.mlp.c_proj.weight"), [3072, 768]);
  assertEquals(shapes.get("transformer.h.11.mlp.c_fc.bias"), [3072]);
  assertEquals([...shapes.keys()].at(-1), "transformer.ln_f.bias");
});

Deno.test("weightsFrom() of a GPT-2 accepts names without the prefix, buffers and the head's tied copy", () => {
  const tensors = checkpoint();
  const expected = new Map([...tensors].map(([name, { data }]) => [name, data]));
  assertEquals(weights(tensors), expected);
  const others = withoutPrefix(tensors);
  others.set("h.1.attn.bias", { dtype: "U8", shape: [1, 1, 1, 1], data: new Uint8Array(1) });
  others.set("h.1.attn.masked_bias", numbers([], [-1e4]));
  others.set("lm_head.weight", tensors.get("transformer.wte.weight")!);
  assertEquals(weights(others), expected);
  others.delete("wte.weight"); // only the head's name was kept
  assertEquals(weights(others), expected);
});

Deno.test("weightsFrom() of a GPT-2 gives the weights in the order of gpt2Parameters()", () => {
  const reversed = new Map([...checkpoint()].reverse());
  assertEquals([...weights(reversed).keys()], gpt2Parameters(sizes, "all").map(({ name }) => name));
});

Deno.test("weightsFrom() of a GPT-2 names the tensor that is missing", () => {
  const tensors = checkpoint();
  tensors.delete("transformer.h.1.ln_2.bias");
  assertEquals(
    weightsError(tensors),
    'file lacks the tensor "transformer.h.1.ln_2.bias" of a GPT-2 of 2 layers; choose the model it was saved from',
  );
});

Deno.test("weightsFrom() of a GPT-2 names the tensor that is not expected", () => {
  assertEquals(
    weightsError(checkpoint({ ...sizes, layers: 3 })),
    'file holds the tensor "transformer.h.2.ln_1.weight", which a GPT-2 of 2 layers does not have; choose the model it was saved from',
  );
});

Deno.test("weightsFrom() of a GPT-2 names the tensor of the wrong shape", () => {
  assertEquals(
    weightsError(checkpoint().set("transformer.h.0.attn.c_attn.weight", numbers([18, 6]))),
    'The tensor "transformer.h.0.attn.c_attn.weight" in file has the shape [18, 6], not [6, 18]; choose the model it was saved from',
  );
});

Deno.test("weightsFrom() of a GPT-2 names the tensor that holds whole numbers", () => {
  const whole: NamedTensor = { dtype: "I32", shape: [6], data: new Int32Array(6) };
  assertEquals(
    weightsError(checkpoint().set("transformer.ln_f.bias", whole)),
    'The tensor "transformer.ln_f.bias" in file holds whole numbers; save it in floating point',
  );
});

Deno.test("weightsFrom() of a GPT-2 refuses a head that is not tied and a tensor under two names", () => {
  assertEquals(
    weightsError(checkpoint().set("lm_head.weight", numbers([5, 6], Array(30).fill(1)))),
    'The output head "lm_head.weight" in file differs from the word embedding; only models that tie the two can be loaded',
  );
  assertEquals(
    weightsError(checkpoint().set("ln_f.bias", numbers([6]))),
    'file holds "ln_f.bias" twice, with and without its prefix',
  );
});

Deno.test("gpt2Checkpoint.sizesFrom() infers the sizes from the shapes", () => {
  const rest = { ...sizes, heads: 3, layerNormEpsilon: 1e-5 };
  assertEquals(sizesFrom(checkpoint(), { heads: 3 }), rest);
  assertEquals(sizesFrom(withoutPrefix(checkpoint()), { heads: 3, layerNormEpsilon: 1e-6 }), {
    ...rest,
    layerNormEpsilon: 1e-6,
  });
  assertEquals(sizesFrom(checkpoint({ ...sizes, width: 128 })).heads, 2);
});

Deno.test("gpt2Checkpoint.sizesFrom() asks for the heads that it cannot know", () => {
  assertEquals(
    assertThrows(() => sizesFrom(checkpoint()), UserError).message,
    "file does not tell how many heads share its 6 channels; say it with --heads",
  );
  for (const heads of [4, 0, -2, 1.5, NaN]) {
    assertEquals(
      assertThrows(() => sizesFrom(checkpoint(), { heads }), UserError).message,
      `${heads} heads do not divide the 6 channels of file; give another number with --heads`,
    );
  }
});

Deno.test("gpt2Checkpoint.sizesFrom() refuses tensors that are not a GPT-2's", () => {
  assertEquals(
    assertThrows(() => sizesFrom(new Map([["cls_token", numbers([1])]])), UserError).message,
    'file is not a GPT-2 checkpoint: it has no matrix "transformer.wte.weight"',
  );
});

Deno.test("readCheckpoint() of a GPT-2 reads what writeCheckpoint() wrote, heads and epsilon too", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/trained.safetensors`;
  const tensors = checkpoint();
  await writeCheckpoint(path, tensors, model);
  const read = await readCheckpoint(path);
  assertEquals(read.model, model);
  assertEquals(everyWeight(read.weights), new Map([...tensors].map(([name, { data }]) => [name, data])));
  assertEquals((await readCheckpoint(path, { heads: 2 })).model, model);
  await assertRejects(
    () => readCheckpoint(path, { heads: 3 }),
    UserError,
    "--heads 3 contradicts the 2 heads that",
  );
  await writeSafetensors(path, tensors);
  assertEquals((await readCheckpoint(path, { heads: 3 })).model.heads, 3);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("readCheckpoint() of a GPT-2 heeds the config.json beside the file", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/model.safetensors`;
  await writeSafetensors(path, checkpoint());
  const configure = (text: string) => Deno.writeTextFile(`${folder}/config.json`, text);
  const error = async () => (await assertRejects(() => readCheckpoint(path), UserError)).message;

  assertEquals(
    await error(),
    `${path} does not tell how many heads share its 6 channels; say it with --heads`,
  );
  await configure('{"n_head": 3, "layer_norm_epsilon": 1e-6, "activation_function": "gelu_new"}');
  assertEquals((await readCheckpoint(path)).model, { ...model, name: "model.safetensors", heads: 3 });
  await configure('{"n_head": 3, "activation_function": "relu"}');
  assertEquals(
    await error(),
    `${folder}/config.json says activation_function = "relu", which computes something else than GPT-2; choose another checkpoint`,
  );
  await configure("[]");
  assertEquals(await error(), `${folder}/config.json is not a JSON object; mend it or take it away`);
  await Deno.remove(folder, { recursive: true });
});
