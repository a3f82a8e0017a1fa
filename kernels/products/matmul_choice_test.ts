import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { ProgramBuilder } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { plain } from "../../src/gpu/operand.ts";
import { matmul } from "./matmul.ts";
import { choiceName, matmulChoice, matmulKey, parseMatmulKey } from "./matmul_choice.ts";
import { likelyChoices } from "./matmul_table.ts";

const gpu = { adapterClass: "gpu", subgroupSize: 32, limits: typicalGpuLimits } as const;
const sizes = { m: 256, n: 768, k: 4096 };
const key = matmulKey("tn", sizes);

Deno.test("parseMatmulKey() reads what matmulKey() wrote, and nothing else", () => {
  assertEquals(parseMatmulKey(key), { product: "tn", sizes, scaled: {} });
  for (const scaled of [{ a: true }, { b: true }, { a: true, b: true }] as const) {
    assertEquals(parseMatmulKey(matmulKey("nt", sizes, scaled)), { product: "nt", sizes, scaled });
  }
  assertEquals(
    new Set([{}, { a: true }, { b: true }].map((halved) => matmulKey("nn", sizes, halved))).size,
    3,
  );
  assertEquals(parseMatmulKey("attention_forward 4×8×256×32"), undefined);
});

Deno.test("matmulChoice() takes the likeliest choice, and the description tells it", () => {
  const builder = new ProgramBuilder("test", gpu);
  assertEquals(matmulChoice(builder, "tn", sizes), likelyChoices(gpu, sizes)[0]);
  assertEquals(builder.build().variants, { [key]: choiceName(likelyChoices(gpu, sizes)[0]) });
});

Deno.test("matmulChoice() takes what the builder's variants name", () => {
  const choices = likelyChoices(gpu, sizes);
  assertEquals(choices.length > 1, true);
  for (const choice of choices) {
    const builder = new ProgramBuilder("test", { ...gpu, variants: { [key]: choiceName(choice) } });
    const { variant, splits } = matmulChoice(builder, "tn", sizes);
    assertEquals(choiceName({ variant, splits }), choiceName(choice));
  }
});

Deno.test("matmulChoice() refuses a variant that the adapter does not have, and names those it has", () => {
  for (const name of ["direct1-8x8x4-8x8", "workgroup-128x128x16-8x8/0", "workgroup-1x1x1-1x1", ""]) {
    const builder = new ProgramBuilder("test", { ...gpu, variants: { [key]: name } });
    assertThrows(
      () => matmulChoice(builder, "tn", sizes),
      UserError,
      "take one of workgroup-128x128x16-16x8,",
    );
  }
});

Deno.test("likelyChoices() never names a choice twice, and keeps partial sums small", () => {
  for (const n of [64, 768, 50257]) {
    for (const k of [64, 1024, 25216]) {
      const choices = likelyChoices(gpu, { m: 768, n, k });
      assertEquals(new Set(choices.map(choiceName)).size, choices.length);
      for (const { splits } of choices) {
        assertEquals(splits <= 4 || 6 * splits * 768 * n <= (768 + n) * k, true);
      }
    }
  }
});

Deno.test("likelyChoices() of products in halves are on subgroup matrices, within the adapter's limits", () => {
  const matrices = { m: 16, n: 16, k: 16 };
  for (const arithmetic of ["f16x3", "f16"] as const) {
    const names = (limits = typicalGpuLimits) =>
      likelyChoices({ ...gpu, matrices, arithmetic, limits }, sizes).map(choiceName);
    assertEquals(new Set(names()).size, names().length);
    assertEquals(names().every((name) => name.startsWith(`${arithmetic}-`)), true);
    const less = names({ ...typicalGpuLimits, maxComputeWorkgroupStorageSize: 2 ** 14 });
    assertEquals(less.length > 0 && less.length < names().length, true);
    const [asked] = names();
    const builder = new ProgramBuilder("test", { ...gpu, matrices, arithmetic, variants: { [key]: asked } });
    assertEquals(choiceName(matmulChoice(builder, "tn", sizes)), asked);
  }
});

Deno.test("matmul() makes no part of a contraction that would be empty", () => {
  // 104 rows in parts of whole tiles of 16: six parts would be of 32 rows, so four suffice.
  const [variant] = likelyChoices(gpu, sizes).map((choice) => choice.variant);
  const builder = new ProgramBuilder("test", gpu);
  const tensor = (name: string, rows: number, cols: number) =>
    builder.tensor(name, rows, cols, { category: "transient" });
  const [a, b, c] = [tensor("a", 104, 8), tensor("b", 104, 8), tensor("c", 8, 8)];
  matmul(builder, "tn", plain(a), plain(b), c, { variant, splits: 6 });
  const { dispatches } = builder.build();
  assertEquals(dispatches[0].bindings[0].tensor.rows, 4 * 8, "rows of partial sums");
  assertEquals(dispatches[1].parameters.parts, 4, "parts that are added");
});
