import { assertAlmostEquals, assertEquals } from "@std/assert";
import { adamwStep, clipScale, gradientNorm } from "./adamw_reference.ts";

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
