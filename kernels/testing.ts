import { assert } from "@std/assert";
import { type BuilderOptions, ProgramBuilder } from "../src/gpu/builder.ts";
import { BufferSet } from "../src/gpu/buffers.ts";
import { type Gpu, openGpu } from "../src/gpu/device.ts";
import { Program } from "../src/gpu/program.ts";
import { type Store, type Tensor } from "../src/gpu/tensor.ts";
import { Random } from "../src/data/random.ts";

/**
 * The tolerance policy, in one place. A kernel's result differs from the float64 reference by rounding: each of `terms` additions or
 * elementary functions in sequence adds at most one unit roundoff (2^-24) relative to the magnitudes that are summed; errors of random
 * sign grow like the square root. We allow eight times that, by norm, relative to the reference. `terms` is the longest chain of
 * roundings behind one output element; `condition` the ratio of summed magnitudes to the result where a formula cancels.
 */
export function tolerance(terms: number, condition = 1): number {
  return 8 * 2 ** -24 * Math.sqrt(terms) * condition;
}

/** ‖actual − expected‖ / ‖expected‖; infinite where `actual` is not finite. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert(actual.length === expected.length, `${actual.length} values where ${expected.length} are expected`);
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(actual[i])) return Infinity;
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(difference / Math.max(norm, Number.MIN_VALUE));
}

/** Asserts that the relative error by norm is within `limit`. */
export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, limit: number, what = "result"): void {
  const error = relativeError(actual, expected);
  assert(error <= limit, `${what}: relative error ${error.toExponential(2)} exceeds ${limit.toExponential(2)}`);
}

let opened: Promise<Gpu> | undefined;

/** The device of a test file. Opened once: `Deno.test` sanitizers are off where it is used. */
export function testGpu(): Promise<Gpu> {
  return opened ??= openGpu();
}

/** Seeded normal numbers, as f32 values. */
export function normals(count: number, seed: number, deviation = 1): Float64Array {
  const random = new Random(seed);
  return Float64Array.from({ length: count }, () => Math.fround(random.normal() * deviation));
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
  input(name: string, rows: number, cols: number, values: ArrayLike<number>): Tensor;
  /** An output; filled with garbage before the run, so that an element that nobody writes shows. */
  output(name: string, rows: number, cols: number, options?: { stride?: number }): Tensor;
  /** Any tensor and the bytes it begins with. */
  fill(tensor: Tensor, data: ArrayBufferView<ArrayBuffer>): void;
}

/** Builds, runs once (or `times`), and hands what `emit` returned to `check`, with a way to read tensors and the program. */
export async function runTest<T>(
  emit: (test: TestProgram) => T,
  check: (tensors: T, read: (tensor: Tensor) => Promise<Float64Array>, program: Program) => Promise<void> | void,
  options: Partial<BuilderOptions> & { times?: number } = {},
): Promise<void> {
  const gpu = await testGpu();
  const builder = new ProgramBuilder("test", {
    limits: gpu.limits,
    adapterClass: gpu.adapter.class,
    keepAll: true,
    ...options,
  });
  const fills: [Tensor, ArrayBufferView<ArrayBuffer>][] = [];
  const fill = (tensor: Tensor, data: ArrayBufferView<ArrayBuffer>) => void fills.push([tensor, data]);
  const tensors = emit({
    builder,
    fill,
    input(name, rows, cols, values) {
      const tensor = builder.tensor(name, rows, cols, { category: "transient" });
      fill(tensor, padRows(values, tensor));
      return tensor;
    },
    output(name, rows, cols, { stride } = {}) {
      const tensor = builder.tensor(name, rows, cols, { category: "transient", stride });
      fill(tensor, new Float32Array(rows * tensor.stride).fill(1e30));
      return tensor;
    },
  });
  const program = await Program.create(gpu, builder.build(), new BufferSet<Store>(gpu));
  try {
    for (const [tensor, data] of fills) program.write(tensor, data);
    for (let i = 0; i < (options.times ?? 1); i++) program.run();
    await check(tensors, async (tensor) => unpadRows(await program.read(tensor), tensor), program);
  } finally {
    program.destroy();
  }
}

/** A test that uses the shared device. */
export function gpuTest(name: string, work: () => Promise<void>): void {
  Deno.test({ name, fn: work, sanitizeOps: false, sanitizeResources: false });
}
