import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { norm } from "../../../kernels/testing/testing.ts";
import { initialValues } from "../testing.ts";
import { vitParameters } from "./parameters.ts";
import { type VitConfig, vitPresets } from "./config.ts";
import { vitInitial } from "./initialize.ts";

const tiny = vitPresets["deit-tiny"];

/** Values of a parameter of DeiT-Ti, or of another model. */
function draw(name: string, { seed = 1, config = tiny }: { seed?: number; config?: VitConfig } = {}) {
  const shape = vitParameters(config, "all").find((shape) => shape.name === name)!;
  return initialValues(vitInitial(shape, config), shape, seed);
}

/** Asserts a deviation; that of n normal numbers is itself off by 1/√(2n): five of those. */
function assertDeviation(name: string, expected: number, config?: VitConfig): void {
  const values = draw(name, { config });
  const actual = norm(values) / Math.sqrt(values.length);
  assert(Math.abs(actual / expected - 1) < 5 / Math.sqrt(2 * values.length), `${name}: ${actual}`);
}

Deno.test("vitInitial() has timm's deviation at width 768, and more where narrower", () => {
  assertDeviation("pos_embed", 0.02, vitPresets["deit-base"]);
  assertDeviation("blocks.0.attn.qkv.weight", 0.04);
  // Unlike GPT-2's, what writes to the residual stream is as large.
  assertDeviation("blocks.11.attn.proj.weight", 0.04);
  assertDeviation("head.weight", 0.04);
});

Deno.test("vitInitial() draws patches by their fan-in as a convolution's, and a class token near 0", () => {
  // Kaiming's uniform numbers with a = √5 have a variance of 1/(3·fan-in); a patch has 3·16² pixels.
  assertDeviation("patch_embed.proj.weight", 1 / Math.sqrt(3 * 3 * 16 ** 2));
  assertDeviation("cls_token", 1e-6);
});

Deno.test("vitInitial() begins every bias at 0 and every LayerNorm scale at 1, and nothing else", () => {
  const config = vitPresets["vit-nano"];
  for (const shape of vitParameters(config, "all")) {
    const values = initialValues(vitInitial(shape, config), shape, 1);
    assertEquals(values.length, shape.rows * shape.cols);
    const isScale = /(^|\.)norm\d?\.weight$/.test(shape.name);
    assertEquals(values.every((value) => value === 0), shape.name.endsWith(".bias"), shape.name);
    assertEquals(values.every((value) => value === 1), isScale, shape.name);
  }
});

Deno.test("vitInitial() follows the seed and the name", () => {
  const name = "blocks.0.attn.proj.weight";
  assertEquals(draw(name), draw(name));
  assertNotEquals(draw(name), draw(name, { seed: 2 }));
  assertNotEquals(draw(name), draw("blocks.1.attn.proj.weight"));
});
