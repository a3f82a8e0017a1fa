import { assert, assertEquals } from "@std/assert";
import { initialValues } from "../testing.ts";
import { llamaInitial } from "./initialize.ts";
import { llamaPresets } from "./config.ts";
import { llamaParameters } from "./parameters.ts";

Deno.test("llamaInitial() has GPT-2's deviation, less towards the residual stream, and begins scales at 1", () => {
  const model = llamaPresets["llama-nano"];
  for (const shape of llamaParameters(model, "all")) {
    const values = initialValues(llamaInitial(shape, model), shape, 1);
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
