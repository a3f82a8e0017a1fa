import { assert, assertEquals, assertThrows } from "@std/assert";
import { Random } from "../../src/data/random.ts";
import { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type DeviceLimits, typicalGpuLimits } from "../../src/gpu/limits.ts";
import { plain } from "../../src/gpu/operand.ts";
import { positionBackward } from "./embedding.ts";
import { cheapToRead, materialize } from "../shared/materialize.ts";
import { matmul } from "../products/matmul.ts";
import { tiledVariants } from "../products/matmul_table.ts";
import type { MatmulVariant } from "../products/matmul_variant.ts";
import { matmulNN, matmulTN } from "../products/matmul_reference.ts";
import {
  patchEmbeddingBackward,
  patchEmbeddingStart,
  patches,
  type PatchShape,
  tokensOf,
} from "./patch_embedding.ts";
import {
  patchEmbeddingBackward as backward,
  patchEmbeddingStart as start,
  patches as reference,
} from "./patch_embedding_reference.ts";
import {
  assertClose,
  gpuTest,
  narrowLimits,
  normals,
  runTest,
  type TestProgram,
  tolerance,
} from "../testing/testing.ts";

/** Patches of whole vectors, of an odd side, and one that is the image. */
const shapes: readonly PatchShape[] = [
  { batch: 3, image: 24, patch: 8 },
  { batch: 3, image: 14, patch: 7 },
  { batch: 2, image: 12, patch: 6 },
  { batch: 3, image: 3, patch: 1 },
  { batch: 1, image: 5, patch: 5 },
];
const dtypes = ["u8", "f32"] as const;
/** A byte's pixel takes a product with a rounded constant; floats take nothing. */
const pixelLimit = { u8: tolerance(2), f32: 0 };

type Images = Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;

function drawImages({ batch, image }: PatchShape, dtype: "u8" | "f32"): Images {
  const random = new Random(5);
  const length = batch * 3 * image ** 2;
  return dtype === "u8"
    ? Uint8Array.from({ length: Math.ceil(length / 4) * 4 }, () => random.below(256))
    : Float32Array.from({ length }, () => random.normal());
}

/** The images on the device, as dense as they are. */
function imageTensor({ builder, fill }: TestProgram, { batch, image }: PatchShape, values: Images) {
  const cols = 3 * image ** 2;
  const dtype = values instanceof Uint8Array ? "u8" : "f32";
  const images = builder.tensor("images", batch, cols, { category: "head", dtype, stride: cols });
  fill(images, values);
  return images;
}

gpuTest("patches() reads bytes and floats as the reference does, whatever the patch's side", async () => {
  for (const shape of shapes) {
    for (const dtype of dtypes) {
      const values = drawImages(shape, dtype);
      await runTest((t) => {
        const x = patches(imageTensor(t, shape, values), shape);
        assert(x.cost === (shape.patch % 4 === 0 ? "light" : "heavy"));
        // Written out on every adapter, so that what it reads shows.
        return cheapToRead(t.builder, { ...x, cost: "heavy" }).tensor;
      }, async (out, read) => {
        const what = `${dtype}, ${shape.patch} of ${shape.image}`;
        assertClose(await read(out), reference(values, shape), pixelLimit[dtype], what);
      });
    }
  }
});

/** Both products with patches as A; nothing may plan memory for the patches. */
async function checkProducts(
  shape: PatchShape,
  dtype: "u8" | "f32",
  options: { variant?: MatmulVariant; limits?: DeviceLimits } = {},
): Promise<void> {
  const { variant, limits } = options;
  const values = drawImages(shape, dtype);
  const x = reference(values, shape);
  const [rows, cols, width] = [shape.batch * tokensOf(shape), 3 * shape.patch ** 2, 20];
  const weight = normals(cols * width, 1);
  const dy = normals(rows * width, 2);
  await runTest((t) => {
    const operand = patches(imageTensor(t, shape, values), shape);
    const y = t.output("y", rows, width);
    const dWeight = t.output("dWeight", cols, width);
    matmul(t.builder, "nn", operand, plain(t.input("weight", cols, width, weight)), y, { variant });
    matmul(t.builder, "tn", operand, plain(t.input("dy", rows, width, dy)), dWeight, { variant });
    return { operand, y, dWeight };
  }, async ({ operand, y, dWeight }, read, { description }) => {
    const what = `${dtype}, ${shape.patch} of ${shape.image}`;
    assert(!description.tensors.includes(operand.tensor), "patches take memory");
    const nn = matmulNN(x, weight, { m: rows, n: width, k: cols });
    assertClose(await read(y), nn, tolerance(cols + 2), `nn, ${what}`);
    const tn = matmulTN(x, dy, { m: cols, n: width, k: rows });
    assertClose(await read(dWeight), tn, tolerance(rows + 2), `tn, ${what}`);
  }, limits ? { limits } : {});
}

gpuTest("matmul() multiplies patches as they are gathered, and their transpose", async () => {
  for (const shape of shapes) await checkProducts(shape, "u8");
  await checkProducts(shapes[0], "f32");
  const variant = tiledVariants.find((v) => v.tileM === 64)!;
  for (const shape of shapes.slice(0, 2)) await checkProducts(shape, "u8", { variant });
});

gpuTest("patches() are windowed at whole images, written out or gathered by products", async () => {
  // Five rows an image; four images begin at multiples of 256 bytes, and as f32 one does. 400 rows fit, but a window takes 320.
  const shape = { batch: 130, image: 8, patch: 4 };
  for (const dtype of dtypes) {
    const values = drawImages(shape, dtype);
    const limits = narrowLimits(400 * (dtype === "u8" ? 20 * 4 : 48 * 4));
    await checkProducts(shape, dtype, { limits });
    await runTest(
      (t) => {
        const out = t.output("out", 650, 48);
        const x = patches(imageTensor(t, shape, values), shape);
        materialize(t.builder, x, out);
        return out;
      },
      async (out, read) => assertClose(await read(out), reference(values, shape), pixelLimit[dtype], dtype),
      {
        limits: narrowLimits(400 * 48 * 4),
      },
    );
  }
  // Patches of bytes that fill no word: a window begins with one of 256 images.
  const odd = { batch: 300, image: 3, patch: 3 };
  await checkProducts(odd, "u8", { limits: narrowLimits(512 * 20 * 4) });
});

Deno.test("patches() say at which rows a window begins, and refuse others", () => {
  const builder = new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
  const images = builder.tensor("images", 20, 3 * 16 ** 2, { category: "head", dtype: "u8" });
  const x = patches(images, { batch: 20, image: 16, patch: 8 });
  assertEquals(x.unit, 5);
  assertEquals(x.bindings(1, { first: 10, rows: 12 }), [
    { group: 1, index: 0, tensor: images, access: "read", first: 2, rows: 3 },
  ]);
  assertThrows(() => x.bindings(1, { first: 64, rows: 36 }), RangeError, "Row 64 of images patches cannot");
  assertThrows(() => patches(images, { batch: 20, image: 16, patch: 5 }), RangeError, "in patches of 5");
});

gpuTest("patchEmbeddingStart() equals the reference to the bit, over windows too", async () => {
  const [batch, tokens, cols] = [30, 5, 59];
  const [positions, classToken, bias] = [tokens * cols, cols, cols].map((n, i) => normals(n, i));
  const expected = start(positions, classToken, bias, batch).map(Math.fround);
  for (const options of [{}, { limits: narrowLimits(64 * 60 * 4) }]) {
    await runTest(
      (t) => {
        const x = t.output("x", batch * tokens, cols);
        const given = t.input("positions", tokens, cols, positions);
        const rows = [t.input("class", 1, cols, classToken), t.input("bias", 1, cols, bias)] as const;
        patchEmbeddingStart(t.builder, given, ...rows, x);
        return x;
      },
      async (x, read) => assertEquals(await read(x), expected),
      options,
    );
  }
});

gpuTest("patchEmbeddingBackward() adds the gradients of one batch to those of another", async () => {
  for (const { tokens, cols } of [{ tokens: 37, cols: 133 }, { tokens: 2, cols: 3 }]) {
    const batch = 3;
    const parts = [1, 2].map((seed) => normals(batch * tokens * cols, seed));
    const dPositions = new Float64Array(tokens * cols);
    for (const part of parts) part.forEach((value, i) => dPositions[i % dPositions.length] += value);
    const expected = backward(dPositions, cols);
    await runTest((t) => {
      const rows = [t.output("dClassToken", 1, cols), t.output("dBias", 1, cols)] as const;
      parts.forEach((part, i) => {
        const d = t.output("d positions", tokens, cols);
        positionBackward(t.builder, t.input("dx", batch * tokens, cols, part), d, tokens, false);
        patchEmbeddingBackward(t.builder, d, ...rows, i > 0);
      });
      return rows;
    }, async ([dClassToken, dBias], read) => {
      assertClose(await read(dClassToken), expected.dClassToken, tolerance(2 * batch), "class token");
      assertClose(await read(dBias), expected.dBias, tolerance(2 * batch + tokens), "bias");
    });
  }
});
