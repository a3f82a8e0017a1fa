import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../../errors.ts";
import { type NamedTensor, writeSafetensors } from "../../io/safetensors.ts";
import { readCheckpoint, weightsFrom, writeCheckpoint } from "../checkpoint.ts";
import { readGoldenCase } from "../golden_case.ts";
import { inCheckpoints, toCheckpoint } from "../shared/checkpoint_parameters.ts";
import { everyWeight } from "../testing.ts";
import { type LlamaConfig, llamaPresets } from "./config.ts";
import { llamaParameters } from "./parameters.ts";

const model: LlamaConfig = {
  modelType: "llama",
  name: "trained.safetensors",
  ...{ layers: 2, width: 6, heads: 4, keyHeads: 2, headSize: 4, hidden: 5, vocab: 7, positions: 9 },
  ...{ tiedHead: false, rotaryBase: 1000, normEpsilon: 1e-6 },
  rotaryScaling: { factor: 8, slow: 1, fast: 4, positions: 16 },
};

const shapesOf = (of: LlamaConfig) =>
  new Map(llamaParameters(of, "all").flatMap(inCheckpoints).map(({ name, shape }) => [name, [...shape]]));

/** Tensors of the right shapes, each number different from the others. */
function checkpoint(of = model): Map<string, NamedTensor> {
  let next = 0;
  return new Map(
    [...shapesOf(of)].map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b)).map(() => next++);
      return [name, { dtype: "F32", shape, data }];
    }),
  );
}

Deno.test("llamaParameters() have the numbers of the published models", () => {
  const counts = {
    "llama-1b": 1_235_814_400,
    "llama-3b": 3_212_749_824,
    "llama2-7b": 6_738_415_616,
    "llama3-8b": 8_030_261_248,
  };
  for (const [name, expected] of Object.entries(counts)) {
    const parameters = llamaParameters(llamaPresets[name as keyof typeof counts], "all");
    assertEquals(parameters.reduce((sum, { rows, cols }) => sum + rows * cols, 0), expected, name);
  }
});

Deno.test("llamaParameters() have the names and shapes of the reference cases", async () => {
  for (const name of ["llama-regular", "llama-ragged"]) {
    const { config, weights } = await readGoldenCase(`${import.meta.dirname}/../testdata/${name}`, "llama");
    const sorted = (shapes: Iterable<[string, readonly number[]]>) => new Map([...shapes].sort());
    assertEquals(
      sorted(shapesOf({ ...config, name })),
      sorted([...weights].map(([tensor, { shape }]) => [tensor, shape])),
    );
  }
});

Deno.test("weightsFrom() of a Llama puts what is multiplied as one side by side, and toCheckpoint() takes it apart", () => {
  const tensors = checkpoint();
  const weights = weightsFrom(tensors, model, "file");
  const qkv = weights.get("model.layers.1.self_attn.qkv_proj.weight")!;
  const of = (part: string) => tensors.get(`model.layers.1.self_attn.${part}_proj.weight`)!.data;
  for (let row = 0; row < model.width; row++) {
    const columns = [...qkv.subarray(row * 32, (row + 1) * 32)];
    const expected = ["q", "k", "v"].flatMap((part) =>
      [...of(part)].filter((_, i) => i % model.width === row)
    );
    assertEquals(columns, expected);
  }
  const back = llamaParameters(model, "all").flatMap((p) => toCheckpoint(p, weights.get(p.name)!));
  assertEquals(new Map(back), tensors);
});

Deno.test("weightsFrom() of a Llama passes over old buffers and a tied copy of the head", () => {
  const tied = { ...model, tiedHead: true };
  const tensors = checkpoint(tied);
  const expected = weightsFrom(tensors, tied, "file");
  tensors.set("lm_head.weight", tensors.get("model.embed_tokens.weight")!);
  const buffer: NamedTensor = { dtype: "F32", shape: [2], data: new Float32Array(2) };
  tensors.set("model.layers.0.self_attn.rotary_emb.inv_freq", buffer);
  assertEquals(weightsFrom(tensors, tied, "file"), expected);
});

Deno.test("weightsFrom() of a Llama names the part that is missing", () => {
  const tensors = checkpoint();
  tensors.delete("model.layers.1.self_attn.k_proj.weight");
  assertThrows(
    () => weightsFrom(tensors, model, "file"),
    UserError,
    'file lacks the tensor "model.layers.1.self_attn.k_proj.weight" of a Llama of 2 layers',
  );
});

Deno.test("readCheckpoint() of a Llama reads what writeCheckpoint() wrote, with all that shapes do not show", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/trained.safetensors`;
  for (const each of [model, { ...model, tiedHead: true, rotaryScaling: null }]) {
    await writeCheckpoint(path, checkpoint(each), each);
    const read = await readCheckpoint(path);
    assertEquals(read.model, each);
    assertEquals(everyWeight(read.weights), weightsFrom(checkpoint(each), each, path));
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("readCheckpoint() of a Llama heeds the config.json beside the file, of either form, and guesses nothing", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/trained.safetensors`;
  await writeSafetensors(path, checkpoint());
  const configure = (json: unknown) => Deno.writeTextFile(`${folder}/config.json`, JSON.stringify(json));
  const error = async () => (await assertRejects(() => readCheckpoint(path), UserError)).message;

  assertEquals(
    await error(),
    `${path} tells neither its heads nor its rotary positions; put the config.json that belongs to it beside it`,
  );
  const scaling = {
    ...{ rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 },
    original_max_position_embeddings: 16,
  };
  const settings = {
    ...{ model_type: "llama", hidden_act: "silu", num_attention_heads: 4, num_key_value_heads: 2 },
    ...{ max_position_embeddings: 9, rms_norm_eps: 1e-6 },
  };
  await configure({ ...settings, rope_theta: 1000, rope_scaling: scaling });
  assertEquals((await readCheckpoint(path)).model, model);
  await configure({ ...settings, head_dim: null, rope_parameters: { ...scaling, rope_theta: 1000 } });
  assertEquals((await readCheckpoint(path)).model, model);
  await configure({
    ...settings,
    rope_theta: 1000,
    rope_scaling: { ...scaling, rope_type: undefined, type: "llama3" },
  });
  assertEquals((await readCheckpoint(path)).model, model);
  await configure({ ...settings, rope_parameters: { rope_type: "default", rope_theta: 1000 } });
  assertEquals((await readCheckpoint(path)).model, { ...model, rotaryScaling: null });
  await configure({ ...settings, rope_theta: 1000, rope_scaling: null });
  assertEquals((await readCheckpoint(path)).model, { ...model, rotaryScaling: null });

  await configure({ ...settings, rope_scaling: { rope_type: "yarn", factor: 2 } });
  assertEquals(
    await error(),
    `${path} comes with rope_scaling = {"rope_type":"yarn","factor":2}, which is none of Llama's; choose another checkpoint`,
  );
  await configure({ ...settings, attention_bias: true });
  assertEquals(
    await error(),
    `${folder}/config.json says attention_bias = true, which computes something else than Llama; choose another checkpoint`,
  );
  await configure({ ...settings, num_attention_heads: 3 });
  assertEquals(
    await error(),
    `3 heads do not make the 16 channels of queries and 8 of keys of ${path}; mend its config.json`,
  );
  await configure({ ...settings, num_key_value_heads: 1 });
  assertEquals(
    await error(),
    `${path} holds 2 heads of keys and values, of 4 channels, and its config.json says 1; mend it`,
  );
  await configure({ ...settings, tie_word_embeddings: true });
  assertEquals(
    await error(),
    `${path} holds an output head that differs from the word embedding, and its config.json says that they are tied; mend it`,
  );
  await Deno.remove(folder, { recursive: true });
});
