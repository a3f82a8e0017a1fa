import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gpt2InitialValues } from "./initialize.ts";
import { gpt2Parameters } from "./parameters.ts";

const shapes = gpt2Parameters({ layers: 1, width: 96, vocab: 96, positions: 96 }, "all");
const shapeOf = (name: string) => shapes.find((shape) => shape.name === name)!;

function deviation(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
}

Deno.test("gpt2InitialValues() has GPT-2's deviation at width 768, more where narrower, less towards the residual stream", () => {
  const toStream = 0.02 / Math.sqrt(24);
  const expected = { "attn.c_attn": 0.02, "attn.c_proj": toStream, "mlp.c_fc": 0.02, "mlp.c_proj": toStream };
  for (const [name, value] of Object.entries(expected)) {
    for (const width of [768, 192]) {
      const values = gpt2InitialValues(shapeOf(`transformer.h.0.${name}.weight`), { layers: 12, width }, 1);
      const actual = deviation(values);
      const wanted = value * Math.sqrt(768 / width);
      // The deviation of n normal numbers is itself off by 1/√(2n): five of those.
      assert(
        Math.abs(actual / wanted - 1) < 5 / Math.sqrt(2 * values.length),
        `${name}, ${width}: ${actual} for ${wanted}`,
      );
    }
  }
});

Deno.test("gpt2InitialValues() begins biases at 0 and LayerNorm scales at 1", () => {
  const config = { layers: 2, width: 96 };
  assertEquals(gpt2InitialValues(shapeOf("transformer.h.0.ln_1.bias"), config, 1), new Float32Array(96));
  assertEquals(
    gpt2InitialValues(shapeOf("transformer.ln_f.weight"), config, 1),
    new Float32Array(96).fill(1),
  );
});

Deno.test("gpt2InitialValues() follows the seed and the name", () => {
  const config = { layers: 2, width: 96 };
  const draw = (name: string, seed: number) => gpt2InitialValues(shapeOf(name), config, seed);
  assertEquals(draw("transformer.wte.weight", 1), draw("transformer.wte.weight", 1));
  assertNotEquals(draw("transformer.wte.weight", 1), draw("transformer.wte.weight", 2));
  assertNotEquals(draw("transformer.wte.weight", 1), draw("transformer.wpe.weight", 1));
});
