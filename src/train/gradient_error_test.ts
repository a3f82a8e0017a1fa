import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { NamedTensor } from "../io/safetensors.ts";
import { gpt2Parameters } from "../models/gpt2/parameters.ts";
import { gpt2Presets } from "../models/gpt2/config.ts";
import { vitParameters } from "../models/vit/parameters.ts";
import { vitPresets } from "../models/vit/config.ts";
import {
  addSquares,
  errorOf,
  noiseOf,
  operatorNames,
  operatorOf,
  squaresByTensor,
} from "./gradient_error.ts";

const tensors = (named: Record<string, number[]>): Map<string, NamedTensor> =>
  new Map(
    Object.entries(named).map(([name, values]) => [
      name,
      { dtype: "F32", shape: [values.length], data: Float32Array.from(values) },
    ]),
  );

Deno.test("squaresByTensor() sums the squares of each tensor of the reference", () => {
  const own = tensors({ a: [1, 2], b: [3], c: [5] });
  const reference = tensors({ b: [4], a: [1, -2] });
  assertEquals([...squaresByTensor(own, reference)], [
    ["b", { difference: 1, own: 9, reference: 16, product: 12 }],
    ["a", { difference: 16, own: 5, reference: 5, product: -3 }],
  ]);
});

Deno.test("errorOf() of two tensors' squares is that of one vector", () => {
  const own = tensors({ a: [3, 0], b: [0] });
  const reference = tensors({ a: [0, 4], b: [3] });
  const { relativeError, cosine } = errorOf(addSquares(squaresByTensor(own, reference).values()));
  // (3, 0, 0) against (0, 4, 3).
  assertAlmostEquals(relativeError, Math.sqrt(9 + 16 + 9) / 5, 1e-15);
  assertEquals(cosine, 0);
  const halved = squaresByTensor(tensors({ a: [0, 2], b: [1.5] }), reference).values();
  assertEquals(errorOf(addSquares(halved)), { relativeError: 0.5, cosine: 1 });
});

Deno.test("noiseOf() is 0 of one gradient, 1 of two that have nothing in common, and does not depend on their lengths", () => {
  const noise = (own: number[], other: number[]) =>
    noiseOf(addSquares(squaresByTensor(tensors({ a: own }), tensors({ a: other })).values()));
  assertEquals([noise([3, 4], [3, 4]), noise([3, 0], [0, 3])], [0, 1]);
  // 10 and 14: mean 12, deviation 2√2 between two, and so 8 / (100 + 196) of the squares twice.
  assertAlmostEquals(noise([10], [14]), Math.sqrt(16 / 296), 1e-15);
  assertAlmostEquals(noise([10, 1], [14, 2]), noise([100, 10], [140, 20]), 1e-15);
});

Deno.test("squaresByTensor() lets no missing tensor, number or NaN pass for a small error", () => {
  const reference = tensors({ a: [1, 2] });
  for (const own of [tensors({}), tensors({ a: [1] }), tensors({ a: [1, NaN] })]) {
    const { relativeError, cosine } = errorOf(squaresByTensor(own, reference).get("a")!);
    assertEquals([relativeError, cosine], [NaN, NaN]);
  }
});

Deno.test("operatorOf() knows the operator of every parameter of both models", () => {
  const names = [
    gpt2Parameters(gpt2Presets.nano, "all"),
    vitParameters(vitPresets["vit-nano"], "all"),
  ].map((shapes) =>
    new Map(
      [...Map.groupBy(shapes, operatorOf)].map(([operator, own]) => [operator, own.map(({ name }) => name)]),
    )
  );
  for (const byOperator of names) assertEquals([...byOperator.keys()].sort(), [...operatorNames].sort());
  const block = (operator: string) => names.map((byOperator) => byOperator.get(operator));
  const of = (layer: string, prefixes: string[]) =>
    prefixes.map((prefix) =>
      [0, 1].flatMap((i) => ["weight", "bias"].map((what) => `${prefix}.${i}.${layer}.${what}`))
    );
  const [gpt2, vit] = ["transformer.h", "blocks"];
  assertEquals(block("attention q, k, v"), [of("attn.c_attn", [gpt2])[0], of("attn.qkv", [vit])[0]]);
  assertEquals(block("attention projection"), [of("attn.c_proj", [gpt2])[0], of("attn.proj", [vit])[0]]);
  assertEquals(block("mlp widening"), [of("mlp.c_fc", [gpt2])[0], of("mlp.fc1", [vit])[0]]);
  assertEquals(block("mlp narrowing"), [of("mlp.c_proj", [gpt2])[0], of("mlp.fc2", [vit])[0]]);
  assertEquals(block("layer norm").map((found) => found!.length), [10, 10]);
  assertEquals(block("embedding and head"), [
    ["transformer.wte.weight", "transformer.wpe.weight"],
    [
      "cls_token",
      "pos_embed",
      "patch_embed.proj.weight",
      "patch_embed.proj.bias",
      "head.weight",
      "head.bias",
    ],
  ]);
});
