import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { initialValues } from "../testing.ts";
import type { Gpt2Config } from "../gpt2/config.ts";
import { gpt2Parameters } from "../gpt2/parameters.ts";
import { llamaPresets } from "../llama/config.ts";
import { llamaParameters } from "../llama/parameters.ts";
import { decoderInitial } from "./decoder_initial.ts";

const shapes = gpt2Parameters({ layers: 1, width: 96, vocab: 96, positions: 96 }, "all");
const shapeOf = (name: string) => shapes.find((shape) => shape.name === name)!;

/** What a parameter begins with. */
function draw(name: string, config: Pick<Gpt2Config, "layers" | "width">, seed = 1): Float32Array {
  const shape = shapeOf(name);
  return initialValues(decoderInitial(shape, config), shape, seed);
}

function deviation(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
}

Deno.test("decoderInitial() has GPT-2's deviation at width 768, more where narrower, less towards the residual stream", () => {
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

Deno.test("decoderInitial() begins biases at 0 and LayerNorm scales at 1", () => {
  const config = { layers: 2, width: 96 };
  assertEquals(draw("transformer.h.0.ln_1.bias", config), new Float32Array(96));
  assertEquals(
    draw("transformer.ln_f.weight", config),
    new Float32Array(96).fill(1),
  );
});

Deno.test("decoderInitial() begins every parameter of a Llama so, and RMSNorm scales at 1", () => {
  const model = llamaPresets["llama-nano"];
  for (const shape of llamaParameters(model, "all")) {
    const values = initialValues(decoderInitial(shape, model), shape, 1);
    if (shape.role === "norm") {
      assertEquals(values, new Float32Array(shape.cols).fill(1));
      continue;
    }
    const deviation = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    const toStream = ["projection", "narrowing"].includes(shape.role);
    const wanted = 0.02 * Math.sqrt(768 / 128) / (toStream ? 2 : 1); // √(2 · 2 layers)
    // The deviation of n normal numbers is itself off by 1/√(2n): five of those.
    assert(
      Math.abs(deviation / wanted - 1) < 5 / Math.sqrt(2 * values.length),
      `${shape.name}: ${deviation}`,
    );
  }
});

Deno.test("initialValues() follow the seed and the name", () => {
  const config = { layers: 2, width: 96 };
  assertEquals(draw("transformer.wte.weight", config, 1), draw("transformer.wte.weight", config, 1));
  assertNotEquals(draw("transformer.wte.weight", config, 1), draw("transformer.wte.weight", config, 2));
  assertNotEquals(draw("transformer.wte.weight", config, 1), draw("transformer.wpe.weight", config, 1));
});
