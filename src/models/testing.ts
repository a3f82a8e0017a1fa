import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  assertClose,
  normals,
  padRows,
  relativeError,
  runTest,
  stepBlock,
  type TestProgram,
} from "../../kernels/testing/testing.ts";
import type { BuilderOptions } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import type { Program } from "../gpu/program.ts";
import { stepTensor } from "../gpu/step_block.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ParameterSet, type ParameterShape } from "../nn/parameters.ts";
import { Tape } from "../nn/tape.ts";
import { policyNamed } from "../storage/policies.ts";
import type { TensorStorage } from "../storage/policy_document.ts";
import { dequantize } from "../storage/quantize_reference.ts";
import { readCodes, readHalves, readTables } from "../storage/stored_values.ts";
import type { ReferenceStore, ReferenceTensors } from "./shared/transformer_reference.ts";

/** What exact arithmetic in f32 must reach, gradient by gradient (‖g − r‖ / ‖r‖) and for the loss; it reaches about 6e-7. */
export const limit = 1e-5;

/** What a device made of a batch. */
export interface ModelResult {
  readonly loss: number;
  readonly gradients: ReferenceTensors;
  /** What the policy gives back of each tensor that it keeps in other form. */
  readonly kept: ReferenceTensors;
}

/** A policy under test. */
export interface TestedStorage {
  readonly what: string;
  readonly policy: string;
  readonly quantizer?: Partial<TensorStorage>;
}

export const exactly: TestedStorage = { what: "exact", policy: "exact" };
export const mesa8: TestedStorage = { what: "mesa8", policy: "mesa8" };

/** The ways to store in fewer bits that models are tested under. */
export const storages: readonly TestedStorage[] = [
  { what: "half", policy: "half" },
  mesa8,
  { what: "mesa8 rounded to nearest", policy: "mesa8", quantizer: { rounding: "nearest" } },
  { what: "mesa4", policy: "mesa4" },
];

/**
 * Loss and gradients of a batch with `valid` targets on the device, where `emit` puts the model on the tape and returns the tensor of its
 * loss. Weights are dense, as the kernels hold them.
 */
export async function lossOnDevice(
  shapes: readonly ParameterShape[],
  weights: ReadonlyMap<string, ArrayLike<number>>,
  valid: number,
  emit: (tape: Tape, parameters: ParameterSet, test: TestProgram) => Tensor,
  { policy, quantizer }: TestedStorage,
  options: Partial<BuilderOptions> = {},
): Promise<ModelResult> {
  const parameters = new ParameterSet(shapes, typicalGpuLimits);
  let found: ModelResult | undefined;
  await runTest((t) => {
    fillModel(t, parameters, weights, valid);
    return emit(Tape.training(t.builder, policyNamed(policy, quantizer)), parameters, t);
  }, async (lossTensor, read, program) => {
    const [loss] = await read(lossTensor);
    const gradients: ReferenceTensors = new Map();
    for (const { name, gradient } of parameters.all) gradients.set(name, await read(gradient));
    found = { loss, gradients, kept: await readKept(program) };
  }, options);
  return found!;
}

/** Fills weights, the step block of a batch with `valid` targets, and gradients with garbage, which the model must replace. */
export function fillModel(
  test: TestProgram,
  parameters: ParameterSet,
  weights: ReadonlyMap<string, ArrayLike<number>>,
  valid: number,
): void {
  for (const { name, value, gradient } of parameters.all) {
    test.fill(value, padRows(weights.get(name)!, value));
    test.fill(gradient, new Float32Array(gradient.rows * gradient.stride).fill(1e30));
  }
  test.fill(stepTensor, stepBlock({ seed: 11, inverseValid: 1 / valid }));
}

/** Reads back every tensor that was stored as codes or as f16, by the name of the tensor. */
async function readKept(program: Program): Promise<ReferenceTensors> {
  const { tensors } = program.description;
  const kept: ReferenceTensors = new Map();
  for (const tensor of tensors) {
    const [, name, bits] = /^(.*) \((f16|\d bits)\)$/.exec(tensor.name) ?? [];
    if (bits === "f16") kept.set(name, Float64Array.from(await readHalves(program, tensor)));
    else if (bits) {
      const { rows, cols } = tensor;
      const tables = tensors.find((other) => other.name === `${name} tables`)!;
      const codes = await readCodes(program, tensor);
      kept.set(name, dequantize(codes, rows, cols, await readTables(program, tables, cols)));
    }
  }
  return kept;
}

/**
 * Runs a float64 reference with what the device kept in place of each tensor that it saves. Asserts that both save the same ones, and that
 * each is kept with an error, but none of more than half: four bits come to a third.
 */
export function withKept<T>(kept: ReferenceTensors, run: (store: ReferenceStore) => T): T {
  const unread = new Set(kept.keys());
  const result = run((stored, exact) => {
    assert(unread.delete(stored), `The device kept no ${stored}`);
    const error = relativeError(kept.get(stored)!, exact);
    assert(error > 1e-5 && error < 0.5, `${stored} is kept with an error of ${error}`);
    return kept.get(stored)!;
  });
  assertEquals([...unread], [], "kept, and yet unknown to the reference");
  return result;
}

/** Asserts that loss and gradients are the reference's. */
export function assertResult(
  actual: ModelResult,
  expected: { loss: number; gradients: ReadonlyMap<string, ArrayLike<number>> },
): void {
  assertAlmostEquals(actual.loss, expected.loss, limit);
  assertEquals([...actual.gradients.keys()].sort(), [...expected.gradients.keys()].sort());
  for (const [name, gradient] of expected.gradients) {
    assertClose(actual.gradients.get(name)!, gradient, limit, name);
  }
}

/** Initial values, each moved by a normal number: so no bias is 0, and no scale 1. */
export function movedWeights(
  shapes: readonly ParameterShape[],
  initialValues: (shape: ParameterShape) => Float32Array,
): Map<string, Float32Array> {
  return new Map(shapes.map((shape, i) => {
    const moves = normals(shape.rows * shape.cols, i + 1, 0.1);
    return [shape.name, initialValues(shape).map((value, j) => value + moves[j])];
  }));
}
