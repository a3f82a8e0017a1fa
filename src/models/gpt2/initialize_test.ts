import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { initialValues } from "../testing.ts";
import type { Gpt2Config } from "./config.ts";
import { gpt2Initial } from "./initialize.ts";
import { gpt2Parameters } from "./parameters.ts";

const shapes = gpt2Parameters({ layers: 1, width: 96, vocab: 96, positions: 96 }, "all");
const shapeOf = (name: string) => shapes.find((shape) => shape.name === name)!;

/** What a parameter begins with. */
function draw(name: string, config: Pick<Gpt2Config, "layers" | "width">, seed = 1): Float32Array {
  const shape = shapeOf(name);
  return initialValues(gpt2Initial(shape, config), shape, seed);
}

function deviation(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
}

Deno.test("gpt2Initial() has GPT-2's deviation at width 768, more where narrower, less towards the residual stream", () => {
  const toStream = 0.02 / Math.sqrt(24);
  const expected = { "attn.c_attn": 0.02, "attn.c_proj": toStream, "mlp.c_fc": 0.02, "mlp.c_proj": toStream };
  for (const [name, value] of Object.entries(expected)) {
    for (const width of [768, 192]) {
      const values = draw(`transformer.h.0.${name}.weight`, { layers: 12, width });
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

Deno.test("gpt2Initial() begins biases at 0 and LayerNorm scales at 1", () => {
  const config = { layers: 2, width: 96 };
  assertEquals(draw("transformer.h.0.ln_1.bias", config), new Float32Array(96));
  assertEquals(
    draw("transformer.ln_f.weight", config),
    new Float32Array(96).fill(1),
  );
});

Deno.test("initialValues() follow the seed and the name", () => {
  const config = { layers: 2, width: 96 };
  assertEquals(draw("transformer.wte.weight", config, 1), draw("transformer.wte.weight", config, 1));
  assertNotEquals(draw("transformer.wte.weight", config, 1), draw("transformer.wte.weight", config, 2));
  assertNotEquals(draw("transformer.wte.weight", config, 1), draw("transformer.wpe.weight", config, 1));
});
