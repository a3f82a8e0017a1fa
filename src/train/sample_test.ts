import { assert, assertEquals } from "@std/assert";
import { Random } from "../data/random.ts";
import { sampleToken } from "./sample.ts";

const logits = Float32Array.of(-1, 2, 0.5, 2);

Deno.test("sampleToken() at temperature 0 takes the first of the largest logits", () => {
  assertEquals(sampleToken(logits, 0, new Random(1)), 1);
  assertEquals(sampleToken(Float32Array.of(-5, -3, -4), 0, new Random(1)), 1);
});

Deno.test("sampleToken() draws as often as softmax of the logits over the temperature says", () => {
  const draws = 4000;
  for (const temperature of [0.5, 1, 3]) {
    const random = new Random(7);
    const counts = new Float64Array(logits.length);
    for (let i = 0; i < draws; i++) counts[sampleToken(logits, temperature, random)]++;
    const weights = logits.map((z) => Math.exp(z / temperature));
    const total = weights.reduce((a, b) => a + b, 0);
    counts.forEach((count, token) => {
      const p = weights[token] / total;
      // Five standard deviations of a binomial count.
      assert(Math.abs(count / draws - p) < 5 * Math.sqrt(p * (1 - p) / draws), `token ${token}: ${count}`);
    });
  }
});

Deno.test("sampleToken() survives logits of any size", () => {
  assertEquals(sampleToken(Float32Array.of(-1e30, 1e30), 1, new Random(3)), 1);
  assertEquals(sampleToken(Float32Array.of(1000, -1000), 1e-3, new Random(3)), 0);
});
