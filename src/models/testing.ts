import { normalNumbers } from "../../kernels/initialization/normal_reference.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  assertClose,
  normals,
  padRows,
  runTest,
  stepBlock,
  type TestProgram,
} from "../../kernels/testing/testing.ts";
import type { TokenBatch } from "../data/batches.ts";
import type { BuilderOptions } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { stepTensor } from "../gpu/step_block.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { ParameterSet, type ParameterShape } from "../nn/parameters.ts";
import { Tape } from "../nn/tape.ts";
import { createPolicy, policyDocument } from "../storage/policies.ts";
import { policyNamed } from "../storage/testing.ts";
import { parsePolicy, type PolicyDocument } from "../storage/policy_document.ts";
import { readStored, type StoredTensor } from "../storage/stored_values.ts";
import { type Initial, streamOf } from "./shared/initial.ts";
import type { Weights, WeightSource } from "./checkpoint.ts";
import type { LanguageTensors } from "./shared/language_model.ts";
import { limit, type ReferenceStorage, storageOfDevice } from "./shared/reference_storage.ts";
import type { ReferenceTensors } from "./shared/transformer_reference.ts";

/** What a device made of a batch. */
export interface ModelResult {
  readonly loss: number;
  readonly gradients: ReferenceTensors;
  /** Every tensor that was kept in fewer bits. */
  readonly stored: ReadonlyMap<string, StoredTensor>;
}

/** A policy under test. */
export interface TestedStorage {
  readonly what: string;
  readonly policy: PolicyDocument;
}

const preset = (name: string): TestedStorage => ({ what: name, policy: policyDocument(name) });
const variant = (what: string, name: string, changes: Parameters<typeof policyNamed>[1]): TestedStorage => ({
  what,
  policy: policyNamed(name, changes).document,
});
const document = (what: string, fields: Record<string, unknown>): TestedStorage => ({
  what,
  policy: parsePolicy({ ...fields, name: what }, what),
});

export const exactly = preset("exact");
export const mesa8 = preset("mesa8");

/** The ways to store in fewer bits that models are tested under. */
export const storages: readonly TestedStorage[] = [
  preset("half"),
  mesa8,
  variant("mesa8 rounded to nearest", "mesa8", { rounding: "nearest" }),
  variant("mesa8 by token", "mesa8", { grouping: "token", ranges: "current" }),
  preset("mesa4"),
  variant("mesa4 by four channels of a token", "mesa4", {
    grouping: { token_channels: 4 },
    ranges: "current",
  }),
  preset("mesa8-paper"),
  variant("mesa8 with materialised attention", "mesa8", { attention: "materialised" }),
  preset("mesa8-selective"),
  document("mesa8 with q, k, v and outputs made again", { rules: [{ tensors: ["qkv"], recompute: true }] }),
  document("mesa8 with outputs made again", { rules: [{ tensors: ["output"], recompute: true }] }),
  preset("recompute8"),
  variant("block inputs in 4 bits", "recompute8", { bits: 4 }),
  document("mesa8 with one block made again", { rules: [{ layers: [1, 1], recompute: true }] }),
  preset("mst8"),
  document("mesa8 with the MLP in pieces", { mini_sequences: { mlp: 64 } }),
  document("mst8 in small pieces", {
    ...policyDocument("mst8"),
    mini_sequences: { mlp: 64, head: 64, head_gradients: "backward" },
  }),
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
  { policy }: TestedStorage,
  options: Partial<BuilderOptions> = {},
): Promise<ModelResult> {
  const parameters = new ParameterSet(shapes, typicalGpuLimits);
  let found: ModelResult | undefined;
  await runTest((t) => {
    fillModel(t, parameters, weights, valid);
    return emit(Tape.training(t.builder, createPolicy(policy)), parameters, t);
  }, async (lossTensor, read, program) => {
    const [loss] = await read(lossTensor);
    const gradients: ReferenceTensors = new Map();
    for (const { name, gradient } of parameters.all) gradients.set(name, await read(gradient));
    found = { loss, gradients, stored: await readStored(program) };
  }, options);
  return found!;
}

/** The tensors of a batch of tokens, rows sorted by token. */
export function languageTensors(
  { integers, output }: TestProgram,
  { inputs, targets }: TokenBatch,
  vocab: number,
): LanguageTensors {
  const order = Uint32Array.from(inputs.keys()).sort((a, b) => inputs[a] - inputs[b] || a - b);
  const starts = Uint32Array.from(
    { length: vocab + 1 },
    (_, word) => inputs.reduce((count, id) => count + Number(id < word), 0),
  );
  return {
    tokens: integers("tokens", inputs),
    order: integers("order", order),
    starts: integers("starts", starts),
    targets: integers("targets", targets),
    lossRing: output("loss", 1, 1, { stride: 1 }),
  };
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

/**
 * Runs a float64 reference with what the device kept in place of each tensor that it saves. Asserts that both save the same ones, in the
 * policy's bits and near the exact values.
 */
export function withStored<T>(
  { stored }: ModelResult,
  { policy }: TestedStorage,
  run: (storage: ReferenceStorage) => T,
): T {
  const { storage, complaints } = storageOfDevice(policy, stored);
  const result = run(storage);
  assertEquals(complaints(), []);
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

/** What a parameter begins with, rows×cols, bit for bit as a session makes it. */
export function initialValues(
  initial: Initial,
  { name, rows, cols }: Pick<ParameterShape, "name" | "rows" | "cols">,
  seed: number,
): Float32Array<ArrayBuffer> {
  return typeof initial === "number"
    ? new Float32Array(rows * cols).fill(initial)
    : normalNumbers(rows * cols, initial.deviation, streamOf(name, seed));
}

/** Initial values, each moved by a normal number: so no bias is 0, and no scale 1. */
export function movedWeights(
  shapes: readonly ParameterShape[],
  initial: (shape: ParameterShape) => Initial,
): Map<string, Float32Array> {
  return new Map(shapes.map((shape, i) => {
    const moves = normals(shape.rows * shape.cols, i + 1, 0.1);
    return [shape.name, initialValues(initial(shape), shape, 1).map((value, j) => value + moves[j])];
  }));
}

/** All of what may be in a file still, read. */
export const everyWeight = (source: WeightSource): Weights =>
  new Map([...source.keys()].map((name) => [name, source.get(name)!]));
