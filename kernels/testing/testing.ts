import { assert } from "@std/assert";
import {
  type BuilderOptions,
  builderOptionsFor,
  ProgramBuilder,
  type ProgramDescription,
} from "../../src/gpu/builder.ts";
import { BufferSet, requestsFor } from "../../src/gpu/buffers.ts";
import { type Gpu, openGpu } from "../../src/gpu/device.ts";
import { type DeviceLimits, typicalGpuLimits } from "../../src/gpu/limits.ts";
import { bindingBytes } from "../../src/gpu/kernel.ts";
import { Program } from "../../src/gpu/program.ts";
import { packStep, type StepValues } from "../../src/gpu/step_block.ts";
import { type Store, type Tensor, tensorBytes, wholeOf } from "../../src/gpu/tensor.ts";
import { shortDigest } from "../../src/data/digest.ts";
import { Random } from "../../src/data/random.ts";

/**
 * The tolerance policy, in one place. A kernel's result differs from the float64 reference by rounding: each of `terms` additions or
 * elementary functions in sequence adds at most one unit roundoff (2^-24) relative to the magnitudes that are summed; errors of random
 * sign grow like the square root. We allow eight times that, by norm, relative to the reference. `terms` is the longest chain of
 * roundings behind one output element; `condition` the ratio of summed magnitudes to the result where a formula cancels.
 */
export function tolerance(terms: number, condition = 1): number {
  return 8 * 2 ** -24 * Math.sqrt(terms) * condition;
}

/** The same for sums of `terms` products whose two operands are each rounded to f16 first, by a unit roundoff of 2^-11 at most. */
export function halvesTolerance(terms: number): number {
  return 2 * 2 ** -11 + tolerance(terms);
}

/**
 * Unit roundoffs that WGSL grants elementary functions (its table of accuracies; 1 ulp is two of them): what they add to `terms`. A
 * logarithm's hold for arguments from 1/2 to 2 and are absolute; an exponential's grow by 4·|x|.
 */
export const granted = { division: 5, squareRoot: 9, exponential: 6, logarithm: 8 } as const;

/** ‖values‖. */
export function norm(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum);
}

/** ‖actual − expected‖ / ‖expected‖; infinite where `actual` is not finite. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert(actual.length === expected.length, `${actual.length} values where ${expected.length} are expected`);
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(actual[i])) return Infinity;
    difference += (actual[i] - expected[i]) ** 2;
  }
  return Math.sqrt(difference) / Math.max(norm(expected), Number.MIN_VALUE);
}

/** A digest of numbers, by their bits: where many differ, it takes minutes to print which. */
export const digestOf = (values: Float64Array): Promise<string> =>
  shortDigest(new Uint8Array(Float64Array.from(values).buffer));

/** Asserts that the relative error by norm is within `limit`. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  limit: number,
  what = "result",
): void {
  const error = relativeError(actual, expected);
  assert(
    error <= limit,
    `${what}: relative error ${error.toExponential(2)} exceeds ${limit.toExponential(2)}`,
  );
}

let opened: Promise<Gpu> | undefined;

/** The device of a test file. Opened once: `Deno.test` sanitizers are off where it is used. */
export function testGpu(): Promise<Gpu> {
  return opened ??= openGpu();
}

/** Why what multiplies matrices by subgroups cannot run on the adapter at hand; false if it can. */
export async function noMatrices(): Promise<string | false> {
  return !builderOptionsFor(await testGpu()).matrices && "this adapter's subgroups multiply no matrices";
}

/** Seeded normal numbers, as f32 values. */
export function normals(count: number, seed: number, deviation = 1): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length: count }, () => Math.fround(random.normal() * deviation));
}

/** Bits of f32 that are no numbers: those that adapters make, and the extremes. */
export const noNumbers = [0x7fffffff, 0x7fc00000, 0x7f800001, 0xffffffff, 0xffc00000, 0xff800001];

/** Limits under which even small tensors need several row windows, and grids are folded. */
export function narrowLimits(bindingBytes: number): DeviceLimits {
  return {
    ...typicalGpuLimits,
    maxStorageBufferBindingSize: bindingBytes,
    maxComputeInvocationsPerWorkgroup: 256,
    maxComputeWorkgroupsPerDimension: 7,
  };
}

/** The bytes of a step block in which only the given values matter. */
export function stepBlock(values: Partial<StepValues>): Uint32Array<ArrayBuffer> {
  const others = { seed: 0, slot: 0, inverseValid: 0, learningRate: 0, row: 0, microBatch: 0 };
  return packStep({ ...others, correction1: 1, inverseRootCorrection2: 1, ...values });
}

/** Dense rows laid out with a tensor's stride, padding zero. */
export function padRows(values: ArrayLike<number>, tensor: Tensor): Float32Array<ArrayBuffer> {
  const out = new Float32Array(tensor.rows * tensor.stride);
  for (let r = 0; r < tensor.rows; r++) {
    for (let c = 0; c < tensor.cols; c++) out[r * tensor.stride + c] = values[r * tensor.cols + c];
  }
  return out;
}

/** The dense rows of a padded f32 tensor. Asserts that the padding is zero. */
export function unpadRows(data: ArrayBuffer, tensor: Tensor): Float64Array {
  const values = new Float32Array(data);
  const out = new Float64Array(tensor.rows * tensor.cols);
  for (let r = 0; r < tensor.rows; r++) {
    for (let c = 0; c < tensor.stride; c++) {
      const value = values[r * tensor.stride + c];
      if (c < tensor.cols) out[r * tensor.cols + c] = value;
      else assert(value === 0, `Padding of ${tensor.name} at row ${r}, column ${c} is ${value}`);
    }
  }
  return out;
}

/** A program under test: tensors are filled with values, written, run, and read back. */
export interface TestProgram {
  readonly builder: ProgramBuilder;
  /** An input with the given dense values. */
  input(
    name: string,
    rows: number,
    cols: number,
    values: ArrayLike<number>,
    options?: { stride?: number },
  ): Tensor;
  /** Whole numbers, N×1: token ids, targets. */
  integers(name: string, values: Uint32Array<ArrayBuffer> | Int32Array<ArrayBuffer>): Tensor;
  /** An output; filled with garbage before the run, so that an element that nobody writes shows. */
  output(name: string, rows: number, cols: number, options?: { stride?: number }): Tensor;
  /** Any tensor and the bytes it begins with; dropped if nothing binds it. */
  fill(tensor: Tensor, data: ArrayBufferView<ArrayBuffer>): void;
}

/**
 * Builds, runs once (or `times`) over buffers full of garbage, as others leave them, and hands what `emit` returned to `check`, with a way to read tensors and the program. The stores that
 * the program names are made for it. `limits` hold for the grids too, not only for the windows.
 */
export async function runTest<T>(
  emit: (test: TestProgram) => T,
  check: (
    tensors: T,
    read: (tensor: Tensor) => Promise<Float64Array>,
    program: Program,
  ) => Promise<void> | void,
  options: Partial<BuilderOptions> & { times?: number } = {},
): Promise<void> {
  const shared = await testGpu();
  const gpu: Gpu = { ...shared, limits: options.limits ?? shared.limits };
  const builder = new ProgramBuilder("test", {
    ...builderOptionsFor(gpu),
    keepAll: true,
    ...options,
  });
  const fills: [Tensor, ArrayBufferView<ArrayBuffer>][] = [];
  const fill = (tensor: Tensor, data: ArrayBufferView<ArrayBuffer>) => void fills.push([tensor, data]);
  const tensors = emit({
    builder,
    fill,
    input(name, rows, cols, values, { stride } = {}) {
      const tensor = builder.tensor(name, rows, cols, { category: "transient", stride });
      fill(tensor, padRows(values, tensor));
      return tensor;
    },
    integers(name, values) {
      const tensor = builder.tensor(name, values.length, 1, { category: "head", dtype: "u32", stride: 1 });
      fill(tensor, values);
      return tensor;
    },
    output(name, rows, cols, { stride } = {}) {
      const tensor = builder.tensor(name, rows, cols, { category: "transient", stride });
      return tensor;
    },
  });
  const description = builder.build();
  refuseWide(description, gpu.limits);
  const stores = await storesFor(gpu, description);
  try {
    const program = await Program.create(gpu, description, stores);
    try {
      const bound = new Set(description.dispatches.flatMap((d) => d.bindings.map((b) => wholeOf(b.tensor))));
      const given = new Set(fills.map(([tensor]) => tensor));
      for (const tensor of description.tensors) {
        if (!given.has(tensor)) program.write(tensor, garbage(tensorBytes(tensor) / 4));
      }
      for (const [tensor, data] of fills) if (bound.has(tensor)) program.write(tensor, data);
      for (let i = 0; i < (options.times ?? 1); i++) await program.run();
      await check(tensors, async (tensor) => unpadRows(await program.read(tensor), tensor), program);
    } finally {
      program.destroy();
    }
  } finally {
    stores.destroy();
  }
}

/** Throws for what is bound beyond the limits: the device knows its own alone, not narrower ones. */
function refuseWide({ dispatches }: ProgramDescription, { maxStorageBufferBindingSize: most }: DeviceLimits) {
  for (const { kernel, bindings } of dispatches) {
    const wide = bindings.find((binding) => bindingBytes(binding) > most);
    assert(!wide, `${kernel.label} binds ${wide?.tensor.name} at once, beyond ${most} bytes`);
  }
}

/** Numbers that show wherever something reads what nobody wrote. */
const garbage = (count: number) => new Float32Array(count).fill(1e30);

/** The stores that a program names, as yet all zero. */
export async function storesFor(gpu: Gpu, { stores }: ProgramDescription): Promise<BufferSet<Store>> {
  const set = new BufferSet<Store>(gpu);
  await set.allocate(requestsFor(stores));
  return set;
}

/** A test that uses the shared device. `cannotRun` says why it cannot run here: then it is ignored, and its name tells the reason. */
export function gpuTest(name: string, work: () => Promise<void>, cannotRun?: string | false): void {
  Deno.test({
    name: cannotRun ? `${name} (${cannotRun})` : name,
    ignore: Boolean(cannotRun),
    fn: work,
    sanitizeOps: false,
    sanitizeResources: false,
  });
}
