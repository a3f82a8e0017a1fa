import { stepTensor } from "../../src/gpu/step_block.ts";
import { adamw } from "./adamw.ts";
import { type AdamwState, adamwStep } from "./adamw_reference.ts";
import {
  assertClose,
  gpuTest,
  granted,
  narrowLimits,
  normals,
  padRows,
  runTest,
  stepBlock,
  type TestProgram,
  tolerance,
} from "../testing/testing.ts";

const steps = 10;
const cols = 64;
const clip = 0.5;
const betas = [0.9, 0.999] as const;
const constants = { epsilon: 1e-8, weightDecay: 0.1 };
const learningRate = 0.01; // ten steps move a parameter farther than it is large: the update shows, not the start

/** A step is four roundings of a moment; the parameter's has a dozen, a root and two quotients. Ten steps follow each other. */
const momentRoundings = 4 * steps;
const roundings = steps * (12 + granted.squareRoot + 2 * granted.division);

/** Gradients of all magnitudes, down to where epsilon counts. */
function gradientAt(step: number, count: number): Float64Array {
  return normals(count, 100 + step).map((value, i) => Math.fround(value * 10 ** -(i % 9)));
}

/** An arena on the device beside the same numbers for the reference. */
function arena(t: TestProgram, rows: number, decayed: boolean) {
  const count = rows * cols;
  const state: AdamwState = {
    parameter: normals(count, 1, 0.02),
    gradient: new Float64Array(count),
    m: new Float64Array(count),
    v: new Float64Array(count),
  };
  return {
    state,
    decayed,
    first: 0,
    parameter: t.input("parameter", rows, cols, state.parameter),
    gradient: t.input("gradient", rows, cols, state.gradient),
    moment1: t.input("moment1", rows, cols, state.m),
    moment2: t.input("moment2", rows, cols, state.v),
  };
}

async function check(rows: readonly [number, number], options = {}): Promise<void> {
  await runTest((t) => {
    const arenas = rows.map((n, i) => arena(t, n, i === 0));
    adamw(t.builder, arenas, t.input("clip", 1, 1, [clip], { stride: 1 }), { betas, ...constants });
    return arenas;
  }, async (arenas, read, program) => {
    for (let t = 1; t <= steps; t++) {
      const rate = Math.fround(learningRate / t); // a schedule: every step has its own
      program.write(
        stepTensor,
        stepBlock({
          learningRate: rate,
          correction1: 1 - betas[0] ** t,
          inverseRootCorrection2: 1 / Math.sqrt(1 - betas[1] ** t),
        }),
      );
      for (const { state, gradient, decayed } of arenas) {
        const values = gradientAt(t, state.gradient.length);
        program.write(gradient, padRows(values, gradient));
        state.gradient = values.map((value) => value * clip);
        adamwStep(state, t, { learningRate: rate, beta1: betas[0], beta2: betas[1], ...constants }, decayed);
      }
      program.run();
    }
    for (const { state, parameter, moment1, moment2, decayed } of arenas) {
      const what = decayed ? "with decay" : "without decay";
      assertClose(await read(moment1), state.m, tolerance(momentRoundings), `first moment ${what}`);
      assertClose(await read(moment2), state.v, tolerance(momentRoundings), `second moment ${what}`);
      assertClose(await read(parameter), state.parameter, tolerance(roundings), `parameters ${what}`);
    }
  }, { ...options, times: 0 });
}

gpuTest("adamw() equals the reference over ten steps, with and without decay", () => check([37, 1]));

gpuTest(
  "adamw() over windows of rows equals the reference",
  () => check([150, 64], { limits: narrowLimits(64 * cols * 4) }),
);
