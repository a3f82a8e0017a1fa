import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { UserError } from "../../errors.ts";
import { readGoldenCase } from "../golden_case.ts";
import { type NamedTensor, writeSafetensors } from "../../io/safetensors.ts";
import { readCheckpoint, weightsFrom, writeCheckpoint } from "../checkpoint.ts";
import { pickParameters, toCheckpoint } from "../shared/checkpoint_parameters.ts";
import { vitCheckpoint } from "./checkpoint.ts";
import type { VitConfig } from "./config.ts";
import { vitParameters, type VitSizes } from "./parameters.ts";

const sizes: VitSizes = { image: 6, patch: 2, layers: 2, width: 6, classes: 5 };
const model: VitConfig = {
  modelType: "vit",
  name: "trained.safetensors",
  ...sizes,
  heads: 2,
  layerNormEpsilon: 1e-5,
};
const shapesOf = (of: VitSizes) =>
  new Map(vitParameters(of, "all").map(({ name, shape }) => [name, [...shape]]));

/** Tensors of the right shapes, each number different from the others. */
function checkpoint(of: VitSizes = sizes): Map<string, NamedTensor> {
  let next = 0;
  return new Map(
    [...shapesOf(of)].map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((a, b) => a * b)).map(() => next++);
      return [name, { dtype: "F32", shape, data }];
    }),
  );
}

function numbers(...shape: number[]): NamedTensor {
  return { dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b)) };
}

function weightsError(tensors: Map<string, NamedTensor>): string {
  return assertThrows(() => weightsFrom(tensors, model, "file"), UserError).message;
}

function configError(tensors: Map<string, NamedTensor>): string {
  return assertThrows(() => vitCheckpoint.sizesFrom(tensors, "file", { heads: 3 }), UserError).message;
}

Deno.test("vitParameters() has the names and the 5 717 416 parameters of DeiT-Ti", () => {
  const shapes = shapesOf({ image: 224, patch: 16, layers: 12, width: 192, classes: 1000 });
  const count = [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((a, b) => a * b), 0);
  assertEquals([shapes.size, count], [152, 5_717_416]);
  assertEquals(shapes.get("pos_embed"), [1, 197, 192]);
  assertEquals(shapes.get("blocks.11.mlp.fc2.weight"), [192, 768]);
  assertEquals([...shapes.keys()].at(-1), "head.bias");
});

Deno.test("vitParameters() has the names and shapes of a reference case", async () => {
  const { config, weights } = await readGoldenCase(
    `${import.meta.dirname}/../testdata/vit-small`,
    "vit",
  );
  const shapes = new Map([...weights].map(([name, { shape }]) => [name, shape]));
  assertEquals(shapesOf(config), shapes);
});

Deno.test("weightsFrom() of a ViT turns every linear weight to [in, out] and leaves the rest", () => {
  const tensors = new Map([...checkpoint()].reverse());
  const weights = weightsFrom(tensors, model, "file");
  assertEquals([...weights.keys()], [...shapesOf(sizes).keys()]);
  const [patches, head] = ["patch_embed.proj.weight", "head.weight"];
  for (let out = 0; out < sizes.width; out++) {
    for (let channel = 0; channel < 3; channel++) {
      for (let y = 0; y < 2; y++) {
        for (let x = 0; x < 2; x++) {
          assertEquals(
            weights.get(patches)![(channel * 4 + y * 2 + x) * sizes.width + out],
            tensors.get(patches)!.data[((out * 3 + channel) * 2 + y) * 2 + x],
          );
        }
      }
    }
  }
  assertEquals(weights.get(head)![2 * 5 + 4], tensors.get(head)!.data[4 * 6 + 2]);
  const linear = /(proj|qkv|fc\d|^head)\.weight$/;
  for (const [name, { data }] of tensors) {
    assertEquals(weights.get(name)!.every((value, i) => value === data[i]), !linear.test(name), name);
  }
});

Deno.test("toCheckpoint() undoes pickParameters()", () => {
  const tensors = checkpoint();
  for (const parameter of vitParameters(sizes, "all")) {
    const data = tensors.get(parameter.name)!.data as Float32Array<ArrayBuffer>;
    const [[name, tensor]] = toCheckpoint(parameter, data);
    assertEquals(tensor.shape, parameter.shape);
    assertEquals(
      pickParameters(new Map([[name, tensor]]), [parameter], "a ViT", "file").get(name),
      data,
      name,
    );
  }
});

Deno.test("weightsFrom() of a ViT names the tensor at fault", () => {
  const missing = checkpoint();
  missing.delete("blocks.1.norm2.bias");
  assertEquals(
    weightsError(missing),
    'file lacks the tensor "blocks.1.norm2.bias" of a ViT of 2 layers; choose the model it was saved from',
  );
  assertEquals(
    weightsError(checkpoint().set("dist_token", numbers(1, 1, 6))),
    'file holds the tensor "dist_token", which a ViT of 2 layers does not have; choose the model it was saved from',
  );
  assertEquals(
    weightsError(checkpoint().set("patch_embed.proj.weight", numbers(6, 3, 4, 1))),
    'The tensor "patch_embed.proj.weight" in file has the shape [6, 3, 4, 1], not [6, 3, 2, 2]; choose the model it was saved from',
  );
  assertEquals(
    weightsError(checkpoint().set("norm.bias", { dtype: "I32", shape: [6], data: new Int32Array(6) })),
    'The tensor "norm.bias" in file holds whole numbers; save it in floating point',
  );
});

Deno.test("vitCheckpoint.sizesFrom() infers the sizes from the shapes", () => {
  assertEquals(vitCheckpoint.sizesFrom(checkpoint(), "file", { heads: 3 }), {
    ...sizes,
    heads: 3,
    layerNormEpsilon: 1e-6,
  });
  assertEquals(vitCheckpoint.sizesFrom(checkpoint({ ...sizes, width: 128 }), "file", {}).heads, 2);
});

Deno.test("vitCheckpoint.sizesFrom() refuses tensors that are not a ViT's", () => {
  assertEquals(
    configError(new Map([["transformer.wte.weight", numbers(5, 6)]])),
    'file is not a ViT checkpoint: it has no "patch_embed.proj.weight" of 4 dimensions',
  );
  for (const tokens of [1, 9]) {
    assertEquals(
      configError(checkpoint().set("pos_embed", numbers(1, tokens, 6))),
      `file has ${tokens} positions, not those of a class token and a square of patches; choose another checkpoint`,
    );
  }
  assertEquals(
    assertThrows(() => vitCheckpoint.sizesFrom(checkpoint(), "file", {}), UserError).message,
    "file does not tell how many heads share its 6 channels; say it with --heads",
  );
});

Deno.test("readCheckpoint() of a ViT reads what writeCheckpoint() wrote, heads and epsilon too", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/trained.safetensors`;
  const tensors = checkpoint();
  await writeCheckpoint(path, tensors, model);
  const read = await readCheckpoint(path);
  assertEquals(read.model, model);
  assertEquals(read.weights, weightsFrom(tensors, model, "file"));
  assertEquals((await readCheckpoint(path, { heads: 2 })).model, model);
  await assertRejects(
    () => readCheckpoint(path, { heads: 3 }),
    UserError,
    "--heads 3 contradicts the 2 heads that",
  );
  await writeSafetensors(path, tensors);
  await assertRejects(() => readCheckpoint(path), UserError, "say it with --heads");
  assertEquals((await readCheckpoint(path, { heads: 3 })).model.heads, 3);
  await Deno.remove(folder, { recursive: true });
});
