import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { adamwStep, clipScale, gradientNorm, inBlocks, nearestBf16 } from "./adamw_reference.ts";

const options = { learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-3, weightDecay: 0.5 };

function fresh(parameter: number, gradient: number) {
  const [m, v] = [new Float64Array(1), new Float64Array(1)];
  return { parameter: Float64Array.of(parameter), gradient: Float64Array.of(gradient), m, v };
}

Deno.test("adamwStep() first moves by the learning rate against the sign, after decay", () => {
  const state = fresh(2, -0.25);
  adamwStep(state, 1, options, true);
  assertAlmostEquals(state.parameter[0], 2 * (1 - 0.05) + 0.1 * 0.25 / (0.25 + 1e-3), 1e-14);
});

Deno.test("adamwStep() corrects both moments for their zero start", () => {
  const state = fresh(2, 1);
  adamwStep(state, 1, options, false);
  state.gradient[0] = 3;
  const before = state.parameter[0];
  adamwStep(state, 2, options, false);
  const m = (0.9 * 0.1 * 1 + 0.1 * 3) / (1 - 0.81);
  const v = (0.99 * 0.01 * 1 + 0.01 * 9) / (1 - 0.9801);
  assertAlmostEquals(state.parameter[0], before - 0.1 * m / (Math.sqrt(v) + 1e-3), 1e-14);
});

Deno.test("adamwStep() without a gradient only decays", () => {
  const state = fresh(2, 0);
  adamwStep(state, 1, options, true);
  assertAlmostEquals(state.parameter[0], 1.9, 1e-15);
  adamwStep(state, 2, options, false);
  assertAlmostEquals(state.parameter[0], 1.9, 1e-15);
});

Deno.test("gradientNorm() takes all tensors as one vector", () => {
  assertEquals(gradientNorm([Float64Array.of(3, 0), Float64Array.of(-4)]), 5);
});

Deno.test("clipScale() shrinks long gradients and leaves short ones", () => {
  assertEquals(clipScale(0.5, 1), 1);
  assertAlmostEquals(clipScale(4, 1), 0.25, 1e-6);
});

Deno.test("nearestBf16() keeps what bf16 holds, is half a unit off at most, and takes ties to even", () => {
  for (const value of [0, 1, -1.5, 2 ** -126, 3e38, -1e-30, 0.1]) {
    const near = nearestBf16(value);
    assert(Math.abs(near - value) <= 2 ** -8 * Math.abs(value), `${value}`);
    assertEquals(nearestBf16(near), near);
    assertEquals(new Uint32Array(Float32Array.of(near).buffer)[0] & 0xffff, 0, `${value}`);
  }
  assertEquals([1 + 2 ** -8, 1 + 3 * 2 ** -8, -1 - 2 ** -8].map(nearestBf16), [1, 1 + 2 ** -6, -1]);
});

Deno.test("inBlocks() is half a step off at most, of each block's own, and leaves no second moment without a code", () => {
  const m = Float64Array.from({ length: 600 }, (_, i) => Math.sin(i) * 10 ** -(i % 7) * (i < 256 ? 1 : 1e-6));
  const v = m.map((value) => value ** 2);
  const coded = inBlocks(m, v);
  const most = (first: number) =>
    m.subarray(first, first + 256).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  m.forEach((value, i) => {
    const largest = most(256 * Math.floor(i / 256));
    assert(Math.abs(coded.m[i] - value) <= largest / 127 * 0.5000001);
    const [root, own] = [Math.sqrt(coded.v[i]), Math.abs(value)];
    const limit = own < largest / 510 ? 1.0000001 : 0.5000001; // what is nearest to none has the least there is
    assert(Math.abs(root - own) <= largest / 255 * limit);
    assert(coded.v[i] > 0);
  });
  assertEquals(inBlocks(new Float64Array(300), new Float64Array(300)).v, new Float64Array(300));
});
