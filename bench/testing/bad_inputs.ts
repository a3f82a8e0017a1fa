/** Files with something wrong with them, made when they are first asked for. */

import { join } from "node:path";
import { attentionKey } from "../../kernels/attention/attention_shape.ts";
import { remembered } from "../../kernels/shared/remembered.ts";
import { brownFiles, folderWith, idx, idxFiles } from "../../src/data/testing.ts";
import { type NamedTensor, writeSafetensors } from "../../src/io/safetensors.ts";
import { writeCheckpoint } from "../../src/models/checkpoint.ts";
import { familyOf } from "../../src/models/families.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { parseModel } from "../../src/models/model_document.ts";
import { inCheckpoints } from "../../src/models/shared/checkpoint_parameters.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const concatenated = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
const words32 = (...values: number[]) => new Uint8Array(Uint32Array.from(values).buffer);
const words16 = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);

/** A JSON document that lacks nothing but what `fields` get wrong. */
const policy = (fields: object) => JSON.stringify({ name: "mine", ...fields });
const nano = (fields: object) => JSON.stringify({ name: "twin", preset: "nano", ...fields });
const vit = (fields: object) => JSON.stringify({ name: "twin", preset: "vit-nano", ...fields });
const llama = (fields: object) => JSON.stringify({ name: "twin", preset: "llama-nano", ...fields });

const nanoAttention = { batch: 4, heads: 4, sequence: 128, headSize: 32, causal: true };

const documents: Record<string, string | Uint8Array> = {
  "text.txt": "some words",
  "empty.txt": "",
  "short.txt": "0123456789".repeat(50),
  // Documents that are none.
  "huge.json": " ".repeat(2 ** 20 + 1),
  "latin1.json": concatenated(bytes('{"name": "gr'), Uint8Array.of(0xf6), bytes('ber"}')),
  "utf16.json": concatenated(Uint8Array.of(0xff, 0xfe), words16(...bytes('{"name": "a"}'))),
  "empty.json": "",
  "comma.json": '{\n"name": "mine",\n}',
  "comment.json": '// mine\n{"name": "mine"}',
  "nan.json": '{"name": "mine","lambda":NaN}',
  "twice.json": '{"name": "mine", "bits": 8,\n "bits": 4}',
  "deep.json": "[".repeat(10_000),
  "list.json": "[]",
  // Policies.
  "nameless.json": "{}",
  "number-name.json": '{"name": 8}',
  "html.json": '{"name": "<b>mine</b>"}',
  "escape.json": '{"name": "\\u001b[2J"}',
  "exact.json": '{"name": "exact", "bits": 2}',
  "Exact.json": '{"name": "Exact", "bits": 32}',
  "unknown-field.json": policy({ roundng: "nearest" }),
  "prototype.json": '{"name": "mine", "__proto__": {"bits": 4}}',
  "bits3.json": policy({ bits: 3 }),
  "bits-text.json": policy({ bits: "8" }),
  "lambda.json": policy({ lambda: 1e300 }),
  "grouping.json": policy({ grouping: "heads" }),
  "channels.json": policy({ grouping: { channels: 7 } }),
  "rules-object.json": policy({ rules: {} }),
  "many-rules.json": policy({ rules: Array(257).fill({ bits: 8 }) }),
  "kinds.json": policy({ rules: [{ tensors: ["relu"] }] }),
  "kinds-twice.json": policy({ rules: [{ tensors: ["gelu", "gelu"] }] }),
  "backwards.json": policy({ rules: [{ layers: [3, 1] }] }),
  "pieces.json": policy({ mini_sequences: { mlp: -1 } }),
  "contradiction.json": policy({ grouping: "token" }),
  "lost.json": policy({ rules: [{ tensors: ["layer_norm"], recompute: true }] }),
  "by-token.json": policy({ grouping: "token", ranges: "current" }),
  "mine.json": policy({}),
  "mine-too.json": policy({ bits: 4 }),
  // Models.
  "long.json": nano({ positions: 2 ** 29 }),
  "vast.json": nano({ positions: 2 ** 31 }),
  "vocabulary.json": nano({ vocab: 10 ** 9 }),
  "formless.json": '{"name": "twin"}',
  "family.json": '{"name": "twin", "modelType": "bert"}',
  "preset.json": '{"name": "twin", "preset": "bert"}',
  "width-text.json": nano({ width: "128" }),
  "width-half.json": nano({ width: 127.5 }),
  "layers.json": nano({ layers: 100_000 }),
  "epsilon.json": nano({ layerNormEpsilon: 1e300 }),
  "heads.json": nano({ heads: 3 }),
  "wide-heads.json": nano({ width: 512, heads: 1 }),
  "patch.json": vit({ patch: 5 }),
  "key-heads.json": llama({ keyHeads: 3 }),
  "head-size.json": llama({ headSize: 7 }),
  "stretched.json": llama({ rotaryScaling: { factor: 2, slow: 4, fast: 4, positions: 9 } }),
  "stretch.json": llama({ rotaryScaling: { factor: 2 } }),
  "wdth.json": nano({ wdth: 64 }),
  "of-vit.json": vit({ vocab: 9 }),
  "small.json": '{"name": "small", "preset": "nano"}',
  "Small.json": '{"name": "Small", "preset": "small"}',
  "twin.json": nano({}),
  "twin-too.json": nano({ layers: 3 }),
  "words.json": nano({ vocab: 1000 }),
  "ascii.json": nano({ vocab: 128 }),
  // Sweeps.
  "sweep.json": '{"steps": 3}',
  "sweep-field.json": '{"polcy": "exact"}',
  "sweep-steps.json": '{"steps": 0}',
  "sweep-batch.json": '{"batch": [4, "8"]}',
  "sweep-model.json": '{"model": "nanno"}',
  "sweep-policy.json": '{"policy": ["exact", {"name": "mine", "bits": 3}]}',
  "sweep-memory.json": '{"memory": 8}',
  "sweep-data.json": '{"data": ["a.txt"]}',
  "sweep-tune.json": '{"no-tune": "yes"}',
  "sweep-profile.json": '{"profile": "kernels"}',
  "sweep-both.json": '{"batch": 4, "tokens": 512}',
  // Variants.
  "numbers.json": '{"a": 3}',
  "foreign.json": '{"matmul nn 1×1×1": "unused"}',
  "no-variant.json": JSON.stringify({ [attentionKey("forward", nanoAttention)]: "none" }),
  // Texts and tokens.
  "odd.bin": new Uint8Array(1001),
  "ids.bin": words16(...Array(200).fill(300)),
  "words.bin": words16(...Array(200).fill(300)),
  "ascii.txt": "some words ".repeat(20),
  "cut.bin": llmc(1, 0).subarray(0, 40),
  "version.bin": llmc(2, 5),
  "wide.bin": llmc(1, 5, 20240801),
  "wide-count.bin": concatenated(llmc(7, 7, 20240801), words32(1, 2, 3, 4, 5)),
  "cut.u32": new Uint8Array(1002),
  "ids.u32": words32(...Array(200).fill(2 ** 32 - 1)),
  "count.bin": concatenated(llmc(1, 7), words16(1, 2, 3, 4, 5)),
  // Images of CIFAR-10: a label and 3072 bytes each.
  "one.bin": new Uint8Array(3073),
  "few.bin": new Uint8Array(5 * 3073),
  "label.bin": new Uint8Array(5 * 3073).fill(10),
  "cifar/data_batch_1.bin": new Uint8Array(3073),
  // Shards and their indexes.
  "weights.json": '{"weight_map": ["a"]}',
  "outside.json": '{"weight_map": {"a": "../a.safetensors"}}',
  "lost-shard.json": '{"weight_map": {"a": "model-00002-of-00002.safetensors"}}',
  "lost-tensor.json": '{"weight_map": {"a": "good.safetensors"}}',
  "bad-shard.json": '{"weight_map": {"a": "cut.safetensors"}}',
  "nobody.json": '{"weight_map": {"bert.embeddings.weight": "nobody.safetensors"}}',
  // A reference case.
  "case/expected.json": '{"config": {"model_type": "bert"}}',
  // A folder of results.
  "taken/results.jsonl": "",
};

/** llm.c's header: 256 words, of which the first three count. */
function llmc(version: number, tokens: number, magic = 20240520): Uint8Array {
  const header = new Int32Array(256);
  header.set([magic, version, tokens]);
  return new Uint8Array(header.buffer);
}

/** A safetensors file with such a header, and so many bytes after it. */
function safetensors(header: unknown, data: number): Uint8Array {
  const text = bytes(typeof header === "string" ? header : JSON.stringify(header));
  return concatenated(
    new Uint8Array(BigUint64Array.of(BigInt(text.length)).buffer),
    text,
    new Uint8Array(data),
  );
}

const tensor = (begin: number, end: number, dtype = "F32", shape = [(end - begin) / 4]) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const malformed: Record<string, Uint8Array> = {
  "cut.safetensors": safetensors({ a: tensor(0, 8) }, 8).subarray(0, 20),
  "no-json.safetensors": safetensors("{'a': 1}", 0),
  "header-list.safetensors": safetensors([], 0),
  "entry.safetensors": safetensors({ a: { dtype: "F32", shape: [-1] } }, 0),
  "dtype.safetensors": safetensors({ a: tensor(0, 8, "F8") }, 8),
  "bytes.safetensors": safetensors({ a: tensor(0, 4, "F32", [2]) }, 4),
  "overlap.safetensors": safetensors({ a: tensor(0, 8), b: tensor(4, 12) }, 12),
  "gap.safetensors": safetensors({ a: tensor(0, 8), b: tensor(12, 16) }, 16),
  "past.safetensors": safetensors({ a: tensor(0, 8) }, 4),
  "after.safetensors": safetensors({ a: tensor(0, 8) }, 12),
  "nobody.safetensors": safetensors({ "bert.embeddings.weight": tensor(0, 8) }, 8),
};

const model = parseModel({
  ...{ name: "little", modelType: "gpt2" },
  ...{ layers: 1, width: 8, heads: 2, vocab: 300, positions: 4 },
}, "little");

/** Folders of data. */
const sets: Record<string, Record<string, string | Uint8Array>> = {
  "few-documents": brownFiles(9),
  "untagged": { ...brownFiles(10), ca05: "The jury said" },
  "idx-cut": { ...idxFiles(), "train-images-idx3-ubyte": idx([3, 2, 2], [1, 2, 3]) },
  "idx-magic": { ...idxFiles(), "train-images-idx3-ubyte": bytes("\x89PNG is what many pictures are") },
  "idx-labels": { ...idxFiles(), "train-labels-idx1-ubyte": idx([2], [0, 1]) },
  "idx-part": { "train-images-idx3-ubyte": idxFiles()["train-images-idx3-ubyte"] },
};

/** Tensors of a little model, each filled with a number of its own. */
function littleTensors(of = model): Map<string, NamedTensor> {
  const parameters = familyOf(of).parameters(of, "all").flatMap(inCheckpoints);
  return new Map(parameters.map(({ name, shape, rows, cols }, i) => [
    name,
    { dtype: "F32", shape: [...shape], data: new Float32Array(rows * cols).fill(i) },
  ]));
}

const bias = "transformer.ln_f.bias";

/** What is done to a checkpoint's tensors, and what its metadata say. */
const checkpoints: Record<string, [(tensors: Map<string, NamedTensor>) => unknown, Record<string, string>?]> =
  {
    "missing": [(tensors) => tensors.delete(bias)],
    "extra": [(tensors) => tensors.set("transformer.more", tensors.get(bias)!)],
    "shape": [(tensors) => tensors.set(bias, { dtype: "F32", shape: [9], data: new Float32Array(9) })],
    "whole": [(tensors) => tensors.set(bias, { dtype: "I32", shape: [8], data: new Int32Array(8) })],
    "nan": [(tensors) => tensors.get(bias)!.data.fill(NaN, 5, 6)],
    "infinite": [(tensors) => tensors.get(bias)!.data.fill(-Infinity, 5, 6)],
    "head": [
      (tensors) =>
        tensors.set("lm_head.weight", {
          dtype: "F32",
          shape: [300, 8],
          data: new Float32Array(2400).fill(1),
        }),
    ],
    "headless": [() => {}, {}],
    "heads-text": [() => {}, { n_head: "two" }],
    "epsilon": [() => {}, { n_head: "2", layer_norm_epsilon: "-1" }],
    "epsilon-text": [() => {}, { n_head: "2", layer_norm_epsilon: "tiny" }],
  };

/** The folder with all of them, which is removed when the tests have run. */
export const badInputs: () => Promise<string> = remembered(async () => {
  const folder = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  for (const inner of ["folder.json", "folder.safetensors", "cifar", "case", "taken", "beside", "other"]) {
    await Deno.mkdir(join(folder, inner));
  }
  for (const [inner, files] of Object.entries(sets)) await folderWith(join(folder, inner), files);
  for (const [name, contents] of Object.entries({ ...documents, ...malformed })) {
    await Deno.writeFile(join(folder, name), typeof contents === "string" ? bytes(contents) : contents);
  }
  await new Deno.Command("mkfifo", { args: [join(folder, "pipe.json")] }).output();
  for (const [name, [change, metadata = { n_head: "2" }]] of Object.entries(checkpoints)) {
    const tensors = littleTensors();
    change(tensors);
    await writeSafetensors(join(folder, `${name}.safetensors`), tensors, metadata);
  }
  await writeCheckpoint(join(folder, "good.safetensors"), littleTensors(), model);
  const llama = modelConfig("llama-nano");
  for (const [name, rope_scaling] of Object.entries({ "no-config": "null", "strange-rope": "long" })) {
    await writeSafetensors(join(folder, `${name}.safetensors`), littleTensors(llama), { rope_scaling });
  }
  const settings = { beside: "{n_head: 2}", other: '{"scale_attn_weights": false}' };
  for (const [name, text] of Object.entries(settings)) {
    await writeSafetensors(join(folder, name, "model.safetensors"), littleTensors());
    await Deno.writeTextFile(join(folder, name, "config.json"), text);
  }
  return folder;
});
