import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../errors.ts";
import { type NamedTensor, writeSafetensors } from "../io/safetensors.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint.ts";
import { families, familyOf } from "./families.ts";
import { parseModel } from "./model_document.ts";
import { inCheckpoints } from "./shared/checkpoint_parameters.ts";

/** Sizes that any family takes, small. */
const little = {
  ...{ layers: 1, width: 8, heads: 2, vocab: 3, positions: 2, image: 4, patch: 2, classes: 3 },
  ...{ keyHeads: 1, headSize: 6, hidden: 5 },
};

Deno.test("readCheckpoint() tells the family of what writeCheckpoint() wrote, whichever it is", async () => {
  const folder = await Deno.makeTempDir();
  for (const { modelType, sizes } of Object.values(families)) {
    const own = Object.entries(little).filter(([size]) => size in sizes);
    const name = `${modelType}.safetensors`;
    const model = parseModel({ name, modelType, ...Object.fromEntries(own) }, "test");
    const tensors = new Map(
      familyOf(model).parameters(model, "all").flatMap(inCheckpoints).map((
        { name, shape, rows, cols },
      ): [string, NamedTensor] => [
        name,
        { dtype: "F32", shape: [...shape], data: new Float32Array(rows * cols).fill(name.length) },
      ]),
    );
    await writeCheckpoint(`${folder}/${name}`, tensors, model);
    assertEquals((await readCheckpoint(`${folder}/${name}`)).model, model);
  }
  await Deno.remove(folder, { recursive: true });
});

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
