import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  assertClose,
  gpuTest,
  narrowLimits,
  padRows,
  relativeError,
  runTest,
  stepBlock,
  type TestProgram,
} from "../../kernels/testing.ts";
import { Random } from "../data/random.ts";
import type { BuilderOptions } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import type { Program } from "../gpu/program.ts";
import { stepTensor } from "../gpu/step_block.ts";
import { type GoldenCase, readGoldenCase } from "../io/golden_case.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { ParameterSet } from "../nn/parameters.ts";
import { Tape } from "../nn/tape.ts";
import { policyNamed } from "../storage/policies.ts";
import { type QuantizerOptions, Savings } from "../storage/policy.ts";
import { dequantize } from "../storage/quantize_reference.ts";
import { readCodes, readHalves, readTables } from "../storage/testing.ts";
import { gpt2Loss, gpt2Parameters, type Gpt2Tensors } from "./gpt2.ts";
import { gpt2InitialValues } from "./gpt2_initialize.ts";
import {
  gpt2LossAndGradients,
  type Gpt2ReferenceConfig,
  referenceWeights,
  type SavedName,
} from "./gpt2_reference.ts";

/** What exact arithmetic in f32 must reach, gradient by gradient (‖g − r‖ / ‖r‖) and for the loss; it reaches about 6e-7. */
const limit = 1e-5;

/** What a loss is computed from. */
type Case = Pick<GoldenCase, "weights" | "batches" | "batch" | "sequence"> & { config: Gpt2ReferenceConfig };

interface Result {
  loss: number;
  gradients: Map<string, Float64Array>;
  /** What the policy gives back of each tensor that it keeps in other form. */
  kept: Map<string, Float64Array>;
}

/** The tensors of a batch, rows sorted by token. */
function batchOf({ integers, output }: TestProgram, { batches, config }: Case): Gpt2Tensors {
  const [{ inputs, targets }] = batches;
  const order = Uint32Array.from(inputs.keys()).sort((a, b) => inputs[a] - inputs[b] || a - b);
  const starts = Uint32Array.from(
    { length: config.vocab + 1 },
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

/** Loss and gradients of a case's first batch under a policy, on the device. */
async function onDevice(
  given: Case,
  policy: string,
  quantizer: Partial<QuantizerOptions> = {},
  options: Partial<BuilderOptions> = {},
): Promise<Result> {
  const { config, weights } = given;
  const model = { name: "case", ...config };
  const parameters = new ParameterSet(gpt2Parameters(model, "all"), typicalGpuLimits);
  const found: Result = { loss: NaN, gradients: new Map(), kept: new Map() };
  await runTest((t) => {
    for (const { name, value } of parameters.all) t.fill(value, padRows(weights.get(name)!.data, value));
    const valid = given.batches[0].targets.filter((target) => target >= 0).length;
    t.fill(stepTensor, stepBlock({ seed: 11, inverseValid: 1 / valid }));
    const tensors = batchOf(t, given);
    const tape = new Tape(t.builder, new Savings(t.builder, policyNamed(policy, quantizer)));
    gpt2Loss(tape, model, parameters, tensors, given);
    return tensors.lossRing;
  }, async (loss, read, program) => {
    [found.loss] = await read(loss);
    for (const { name, gradient } of parameters.all) found.gradients.set(name, await read(gradient));
    found.kept = await readKept(program);
  }, options);
  return found;
}

/** Reads back every tensor that was stored as 8-bit codes or as f16, by the name of the tensor. */
async function readKept(program: Program): Promise<Map<string, Float64Array>> {
  const { tensors } = program.description;
  const kept = new Map<string, Float64Array>();
  for (const tensor of tensors) {
    const name = tensor.name.replace(/ \(.*/, "");
    if (tensor.dtype === "f16") kept.set(name, Float64Array.from(await readHalves(program, tensor)));
    if (tensor.dtype === "u8") {
      const { rows, cols } = tensor;
      const tables = tensors.find((other) => other.name === `${name} tables`)!;
      const codes = await readCodes(program, tensor);
      kept.set(name, dequantize(codes, rows, cols, await readTables(program, tables, cols)));
    }
  }
  return kept;
}

/** The same in float64; what the device kept stands for each saved tensor. */
function onHost({ config, weights, batches, ...shape }: Case, kept: Result["kept"]) {
  const [{ inputs, targets }] = batches;
  const unread = new Set(kept.keys());
  const result = gpt2LossAndGradients(
    referenceWeights(weights),
    config,
    inputs,
    targets,
    shape,
    (name: SavedName, exact) => {
      const stored = name.replace("attn.output", "attn output");
      assert(unread.delete(stored), `The device kept no ${stored}`);
      const error = relativeError(kept.get(stored)!, exact);
      assert(error > 1e-5 && error < 0.1, `${stored} is kept with an error of ${error}`);
      return kept.get(stored)!;
    },
  );
  assertEquals([...unread], [], "kept, and yet unknown to the reference");
  return result;
}

function assertGradients(actual: Result["gradients"], expected: Map<string, ArrayLike<number>>): void {
  assertEquals([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [name, gradient] of expected) assertClose(actual.get(name)!, gradient, limit, name);
}

const storages: { what: string; policy: string; quantizer?: Partial<QuantizerOptions> }[] = [
  { what: "half", policy: "half" },
  { what: "mesa8 rounded to nearest", policy: "mesa8", quantizer: { rounding: "nearest" } },
  { what: "mesa8 rounded at random", policy: "mesa8", quantizer: { rounding: "stochastic" } },
];

for (const name of ["gpt2-regular", "gpt2-ragged"]) {
  const golden = readGoldenCase(`${import.meta.dirname}/testdata/${name}`);
  let exact: Promise<Result> | undefined;
  const underExact = async () => await (exact ??= onDevice(await golden, "exact"));

  gpuTest(`gpt2Loss() equals PyTorch's loss and gradients of ${name} under exact`, async () => {
    const { losses, gradients } = await golden;
    const found = await underExact();
    assertAlmostEquals(found.loss, losses[0], limit);
    assertGradients(found.gradients, new Map([...gradients].map(([key, { data }]) => [key, data])));
  });

  for (const { what, policy, quantizer } of storages) {
    gpuTest(
      `gpt2Loss() of ${name} under ${what} equals the reference that reads the same stored values`,
      async () => {
        const found = await onDevice(await golden, policy, quantizer);
        assertEquals(found.loss, (await underExact()).loss, "forward is exact under every policy");
        assertGradients(found.gradients, onHost(await golden, found.kept).gradients);
      },
    );
  }
}

gpuTest("gpt2Loss() over several windows of rows equals the reference", async () => {
  const config = { layers: 1, width: 72, heads: 3, vocab: 560, positions: 32, layerNormEpsilon: 1e-5 };
  const model = { name: "windowed", ...config };
  const weights = gpt2Parameters(model, "all").map((parameter): [string, NamedTensor] => {
    const data = gpt2InitialValues(parameter, config, 1);
    return [parameter.name, { dtype: "F32", shape: [...parameter.shape], data }];
  });
  const random = new Random(1);
  const word = () => random.below(config.vocab);
  const size = { batch: 6, sequence: 32 };
  const batch = {
    inputs: Uint32Array.from({ length: size.batch * size.sequence }, word),
    targets: Int32Array.from({ length: size.batch * size.sequence }, word),
  };
  const given = { config, weights: new Map(weights), batches: [batch], ...size };
  // GELU's input fits 128 of its 192 rows, the word embedding 512 of its 560, the logits 64.
  const limits = narrowLimits(128 * 4 * config.width * 4);
  const { loss, gradients, kept } = await onDevice(given, "mesa8", {}, { limits });
  const expected = onHost(given, kept);
  assertAlmostEquals(loss, expected.loss, limit);
  assertGradients(gradients, expected.gradients);
});
