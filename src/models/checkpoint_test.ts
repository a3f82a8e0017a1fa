import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../errors.ts";
import { type NamedTensor, openSafetensors, writeSafetensors } from "../io/safetensors.ts";
import { readCheckpoint, requireCheckpointWritable, weightsFrom, writeCheckpoint } from "./checkpoint.ts";
import { allFamilies, families, familyOf, type ModelConfig, type ModelType } from "./families.ts";
import { parseModel } from "./model_document.ts";
import { inCheckpoints } from "./shared/checkpoint_parameters.ts";
import { everyWeight } from "./testing.ts";

/** A folder that a test may fill. */
async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Sizes that any family takes, small. */
const little = {
  ...{ layers: 1, width: 8, heads: 2, vocab: 3, positions: 2, image: 4, patch: 2, classes: 3 },
  ...{ keyHeads: 1, headSize: 6, hidden: 5 },
};

function littleModel(modelType: ModelType, name: string): ModelConfig {
  const own = Object.entries(little).filter(([size]) => size in families[modelType].sizes);
  return parseModel({ name, modelType, ...Object.fromEntries(own) }, "test");
}

/** Its tensors, each number different from the others: odd ones, so that no other type than F32 has them. */
function littleTensors(model: ModelConfig): Map<string, NamedTensor> {
  let next = 2 ** 20;
  return new Map(
    familyOf(model).parameters(model, "all").flatMap(inCheckpoints).map(({ name, shape, rows, cols }) => [
      name,
      { dtype: "F32", shape: [...shape], data: new Float32Array(rows * cols).map(() => next += 2) },
    ]),
  );
}

Deno.test("readCheckpoint() tells the family of what writeCheckpoint() wrote, whichever it is", async () => {
  await inFolder(async (folder) => {
    for (const modelType of Object.keys(families) as ModelType[]) {
      const name = `${modelType}.safetensors`;
      const model = littleModel(modelType, name);
      await writeCheckpoint(`${folder}/${name}`, littleTensors(model), model);
      assertEquals((await readCheckpoint(`${folder}/${name}`)).model, model);
    }
  });
});

Deno.test("readCheckpoint() reads the folder that writeCheckpoint() made, bit for bit, and goes by its config.json alone", async () => {
  await inFolder(async (folder) => {
    for (const modelType of ["gpt2", "llama"] as const) {
      const model = littleModel(modelType, `my-${modelType}`);
      const tensors = littleTensors(model);
      const path = `${folder}/${model.name}`;
      for (const given of [path, `${path}/`]) { // made at first, then filled anew
        await requireCheckpointWritable(given, model);
        await writeCheckpoint(given, tensors, model);
        const read = await readCheckpoint(given);
        assertEquals(read.model, model);
        assertEquals(everyWeight(read.weights), weightsFrom(tensors, model, "file"));
      }
      assertEquals([...Deno.readDirSync(path)].map(({ name }) => name).sort(), [
        "config.json",
        "model.safetensors",
      ]);
      const { metadata } = await openSafetensors(`${path}/model.safetensors`);
      assertEquals(metadata.format, "pt");
      await writeSafetensors(`${path}/model.safetensors`, tensors);
      assertEquals((await readCheckpoint(path)).model, model);
    }
  });
});

Deno.test("readCheckpoint() of a file that tells all by itself passes over a config.json beside it", async () => {
  await inFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/config.json`, '{"model_type":"another","n_head":3}');
    for (const modelType of ["gpt2", "llama"] as const) {
      const name = `${modelType}.safetensors`;
      const model = littleModel(modelType, name);
      await writeCheckpoint(`${folder}/${name}`, littleTensors(model), model);
      assertEquals((await readCheckpoint(`${folder}/${name}`)).model, model);
    }
  });
});

Deno.test("A saved config.json says all sizes of every preset under the names of the library", () => {
  const said = allFamilies.flatMap(({ presets, checkpoint, golden }) =>
    Object.values(presets).map(({ name, ...sizes }) => {
      const config = checkpoint.config?.({ name, ...sizes } as ModelConfig);
      if (config) assertEquals(golden.config.parse(config), sizes as unknown, name);
      return config?.model_type;
    })
  );
  assertEquals([...new Set(said)], ["gpt2", undefined, "llama"]);
});

Deno.test("writeCheckpoint() says where a folder cannot be, and which models have none", async () => {
  await inFolder(async (folder) => {
    const [llama, vit] = [littleModel("llama", "a"), littleModel("vit", "b")];
    await Deno.writeTextFile(`${folder}/text`, "");
    const refusals: [ModelConfig, string, string][] = [
      [
        llama,
        `${folder}/text`,
        `${folder}/text is no folder to save in; give one, or a path that ends in .safetensors`,
      ],
      [
        llama,
        `${folder}/none/new`,
        `Cannot write ${folder}/none/new: its folder does not exist; create it first`,
      ],
      [
        vit,
        `${folder}/new`,
        `a ViT is saved as one file: give a path that ends in .safetensors, not ${folder}/new`,
      ],
    ];
    for (const [model, path, expected] of refusals) {
      for (
        const refused of [
          () => requireCheckpointWritable(path, model),
          () => writeCheckpoint(path, littleTensors(model), model),
        ]
      ) assertEquals((await assertRejects(refused, UserError)).message, expected);
    }
    await requireCheckpointWritable(`${folder}/new`, llama);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["text"]);
  });
});

/** Writes tensors as shards beside an index, by turns into two. */
async function writeShards(
  folder: string,
  tensors: Map<string, NamedTensor>,
  index: object = {},
): Promise<void> {
  const shards = [0, 1].map((i) => `model-0000${i + 1}-of-00002.safetensors`);
  const parts = shards.map((_, i) => new Map([...tensors].filter((_, at) => at % 2 === i)));
  for (const [i, part] of parts.entries()) await writeSafetensors(`${folder}/${shards[i]}`, part);
  const weight_map = Object.fromEntries([...tensors.keys()].map((name, at) => [name, shards[at % 2]]));
  await Deno.writeTextFile(
    `${folder}/model.safetensors.index.json`,
    JSON.stringify({ metadata: { total_size: 1 }, weight_map, ...index }),
  );
}

Deno.test("readCheckpoint() reads shards by their index or their folder, and prefers a whole file in it", async () => {
  await inFolder(async (folder) => {
    const model = littleModel("llama", "sharded");
    const [path, tensors] = [`${folder}/sharded`, littleTensors(model)];
    await writeCheckpoint(path, tensors, model);
    await Deno.remove(`${path}/model.safetensors`);
    await writeShards(path, tensors);
    const expected = weightsFrom(tensors, model, "file");
    for (const given of [path, `${path}/model.safetensors.index.json`]) {
      const read = await readCheckpoint(given);
      assertEquals({ ...read.model, name: "sharded" }, model);
      assertEquals(everyWeight(read.weights), expected);
    }
    const other = new Map([...tensors].map(([name, { shape, data }]): [string, NamedTensor] => [
      name,
      { dtype: "F32", shape, data: Float32Array.from(data, (x) => -x) },
    ]));
    await writeSafetensors(`${path}/model.safetensors`, other);
    assertEquals(everyWeight((await readCheckpoint(path)).weights), weightsFrom(other, model, "file"));
  });
});

Deno.test("readCheckpoint() of an index reads no weights but those that are asked for", async () => {
  await inFolder(async (folder) => {
    const model = littleModel("gpt2", "a");
    const tensors = littleTensors(model);
    await writeShards(folder, tensors);
    await Deno.writeTextFile(`${folder}/config.json`, '{"n_head": 2}');
    const { weights } = await readCheckpoint(folder);
    const [first, second] = [...tensors.keys()];
    await Deno.remove(`${folder}/model-00002-of-00002.safetensors`);
    assertEquals(weights.get(first)?.length, tensors.get(first)!.data.length);
    await assertRejects(
      () => Promise.resolve().then(() => weights.get(second)),
      UserError,
      "there is no such file",
    );
  });
});

Deno.test("readCheckpoint() says what is wrong with an index or its shards", async () => {
  await inFolder(async (folder) => {
    const index = `${folder}/model.safetensors.index.json`;
    const tensors = littleTensors(littleModel("gpt2", "a"));
    const error = async (path = folder) =>
      (await assertRejects(() => readCheckpoint(path), UserError)).message;
    assertEquals(
      await error(),
      `${folder} holds neither model.safetensors nor model.safetensors.index.json; give the folder of a checkpoint, or its file`,
    );
    for (const weight_map of [undefined, [], { a: 3 }, { a: "../model.safetensors" }, { a: "" }]) {
      await writeShards(folder, tensors, { weight_map });
      assertEquals(
        await error(),
        `${index} is no index of a checkpoint, whose "weight_map" names a file beside it for each tensor; ` +
          "give a checkpoint's folder, or its file",
      );
    }
    const [first, second] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    const [name] = tensors.keys();
    await writeShards(folder, tensors, { weight_map: { [name]: second } });
    assertEquals(
      await error(),
      `${index} says that ${second} holds the tensor "${name}", which it does not; take index and shards of one checkpoint`,
    );
    await writeShards(folder, tensors);
    await Deno.remove(`${folder}/${first}`);
    assertEquals(
      await error(index),
      `${index} names ${first}, which is not beside it; download or copy all of the shards`,
    );
  });
});

/** A number's 16 bits. */
const halves: Record<string, (x: number) => number> = {
  BF16: (x) => new Uint32Array(Float32Array.of(x).buffer)[0] >>> 16,
  F16: (x) => new Uint16Array(Float16Array.of(x).buffer)[0],
};

Deno.test("readCheckpoint() of every family reads tensors of BF16 and F16", async () => {
  await inFolder(async (folder) => {
    for (const modelType of Object.keys(families) as ModelType[]) {
      const name = `${modelType}.safetensors`;
      const model = littleModel(modelType, name);
      let next = 0;
      const tensors = new Map(
        [...littleTensors(model)].map(([name, { shape, data }]): [string, NamedTensor] => [
          name, // eighths up to 16, either sign: what both types hold exactly
          { dtype: "F32", shape, data: Float32Array.from(data, () => (next++ % 256 - 128) / 8) },
        ]),
      );
      await writeCheckpoint(`${folder}/${name}`, tensors, model);
      const { metadata } = await openSafetensors(`${folder}/${name}`);
      for (const [dtype, half] of Object.entries(halves)) {
        await Deno.writeFile(`${folder}/${name}`, halfFile(tensors, dtype, half, metadata));
        const read = await readCheckpoint(`${folder}/${name}`);
        assertEquals(read.model, model);
        assertEquals(
          everyWeight(read.weights),
          weightsFrom(tensors, model, "file"),
          `${modelType} in ${dtype}`,
        );
      }
    }
  });
});

/** A safetensors file, written by hand, of tensors in 16 bits. */
function halfFile(
  tensors: Map<string, NamedTensor>,
  dtype: string,
  half: (x: number) => number,
  metadata: Record<string, string>,
): Uint8Array {
  let end = 0;
  const entries = [...tensors].map(([name, { shape, data }]) => [
    name,
    { dtype, shape, data_offsets: [end, end += 2 * data.length] },
  ]);
  const header = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const values = Uint16Array.from([...tensors.values()].flatMap(({ data }) => Array.from(data, half)));
  const json = new TextEncoder().encode(header);
  const length = new Uint8Array(BigUint64Array.of(BigInt(json.length)).buffer);
  return Uint8Array.from([...length, ...json, ...new Uint8Array(values.buffer)]);
}

Deno.test("readCheckpoint() refuses tensors of no family that it knows", async () => {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  const tensor: NamedTensor = { dtype: "F32", shape: [1], data: new Float32Array(1) };
  await writeSafetensors(path, new Map([["bert.embeddings.weight", tensor]]));
  const { message } = await assertRejects(() => readCheckpoint(path), UserError);
  assertEquals(message, `${path} is no checkpoint of a GPT-2, a ViT or a Llama; choose another`);
  await Deno.remove(path);
});

Deno.test("writeCheckpoint() writes nothing of a run that diverged", async () => {
  const path = await Deno.makeTempFile({ suffix: ".safetensors" });
  const model = parseModel({ name: "a", preset: "nano" }, "test");
  const data = Float32Array.of(1, NaN);
  const tensors = new Map([["w", { dtype: "F32" as const, shape: [2], data }]]);
  const { message } = await assertRejects(() => writeCheckpoint(path, tensors, model), UserError);
  assertEquals(
    message,
    `The tensor "w" holds NaN: training has diverged, and ${path} is not written; take a smaller --learning-rate`,
  );
  assertEquals((await Deno.stat(path)).size, 0);
  await Deno.remove(path);
});

Deno.test("writeCheckpoint() leaves no folder of a run that diverged, but one that was there", async () => {
  const above = await Deno.makeTempDir();
  const model = parseModel({ name: "a", preset: "llama-nano" }, "test");
  const tensors = new Map([["w", { dtype: "F32" as const, shape: [1], data: Float32Array.of(NaN) }]]);
  await Deno.mkdir(`${above}/old`);
  for (const name of ["new", "old"]) {
    const save = () => writeCheckpoint(`${above}/${name}`, tensors, model);
    await assertRejects(save, UserError, `${above}/${name} is not written`);
  }
  assertEquals([...Deno.readDirSync(above)].map(({ name }) => name), ["old"]);
  assertEquals([...Deno.readDirSync(`${above}/old`)], []);
  await Deno.remove(above, { recursive: true });
});
