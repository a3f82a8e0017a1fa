import { assert } from "@std/assert";
import { plain } from "../../src/gpu/operand.ts";
import { padded } from "../../src/gpu/tensor.ts";
import type { AttentionShape } from "./attention_shape.ts";
import { batchedMatmul } from "./batched_matmul.ts";
import { directVariant, tiledVariants } from "../products/matmul_table.ts";
import { matmulNN, matmulNT, matmulTN } from "../products/matmul_reference.ts";
import { type MatmulVariant, type Product, products, variantName } from "../products/matmul_variant.ts";
import {
  assertClose,
  gpuTest,
  narrowLimits,
  normals,
  runTest,
  testGpu,
  tolerance,
} from "../testing/testing.ts";

const references = { nn: matmulNN, nt: matmulNT, tn: matmulTN };
const scale = 0.25;

/** How the matrices of each head lie in a larger one: sequence×headSize ones in the middle third, sequence×sequence ones side by side. */
interface Layout {
  readonly cols: number;
  readonly column: number;
  readonly step: number;
  readonly width: number;
}

function layouts({ sequence, heads, headSize }: AttentionShape): { keys: Layout; channels: Layout } {
  const step = padded(sequence);
  return {
    keys: { cols: heads * step, column: 0, step, width: sequence },
    channels: {
      cols: 3 * heads * headSize,
      column: heads * headSize,
      step: headSize,
      width: headSize,
    },
  };
}

/** Calls `visit` for every element of every head's matrix, with where it lies in the whole and in its own. */
function forEachElement(
  { batch, sequence, heads }: AttentionShape,
  { cols, column, step, width }: Layout,
  visit: (whole: number, index: { part: number; row: number; column: number }) => void,
): void {
  for (let part = 0; part < batch * heads; part++) {
    for (let row = 0; row < sequence; row++) {
      for (let c = 0; c < width; c++) {
        const first = (Math.floor(part / heads) * sequence + row) * cols + column + (part % heads) * step;
        visit(first + c, { part, row, column: c });
      }
    }
  }
}

/** The matrix of one sequence and head. */
function partOf(values: Float64Array, shape: AttentionShape, layout: Layout, part: number): Float64Array {
  const out = new Float64Array(shape.sequence * layout.width);
  forEachElement(shape, layout, (whole, index) => {
    if (index.part === part) out[index.row * layout.width + index.column] = values[whole];
  });
  return out;
}

/** Values of a whole matrix; a sequence×sequence one is zero between heads and, where it is triangular, above the diagonal. */
function inputValues(shape: AttentionShape, layout: Layout, seed: number, square: boolean): Float64Array {
  const values = normals(shape.batch * shape.sequence * layout.cols, seed);
  if (!square) return values;
  const out = new Float64Array(values.length);
  forEachElement(shape, layout, (whole, { row, column }) => {
    if (!shape.causal || column <= row) out[whole] = values[whole];
  });
  return out;
}

async function check(
  product: Product,
  shape: AttentionShape,
  variant?: MatmulVariant,
  binding?: number,
): Promise<void> {
  const { batch, sequence, heads, headSize, causal } = shape;
  const { keys, channels } = layouts(shape);
  const [aLayout, cLayout] = product === "nt" ? [channels, keys] : [keys, channels];
  const rows = batch * sequence;
  const a = inputValues(shape, aLayout, 1, product !== "nt");
  const b = inputValues(shape, channels, 2, false);
  // What C's view does not cover keeps what was there; of a matrix over keys nothing is left out but padding, which becomes zero.
  const expected = product === "nt" ? new Float64Array(rows * cLayout.cols) : normals(rows * cLayout.cols, 3);
  const before = expected.slice();
  const [n, k] = product === "nt" ? [sequence, headSize] : [headSize, sequence];
  for (let part = 0; part < batch * heads; part++) {
    const result = references[product](
      partOf(a, shape, aLayout, part),
      partOf(b, shape, channels, part),
      { m: sequence, n, k },
    );
    forEachElement(shape, cLayout, (whole, index) => {
      if (index.part === part) expected[whole] = scale * result[index.row * n + index.column];
    });
  }
  await runTest(
    (t) => {
      const c = product === "nt"
        ? t.output("c", rows, cLayout.cols)
        : t.input("c", rows, cLayout.cols, before);
      const operands = [{ matrix: plain(t.input("a", rows, aLayout.cols, a)), ...aLayout }, {
        matrix: plain(t.input("b", rows, channels.cols, b)),
        ...channels,
      }] as const;
      batchedMatmul(t.builder, product, ...operands, { matrix: c, ...cLayout }, shape, { scale, variant });
      return c;
    },
    async (c, read) => {
      const actual = await read(c);
      const outside = new Set(actual.keys());
      forEachElement(shape, cLayout, (whole, { row, column }) => {
        outside.delete(whole);
        if (product === "nt" && causal && column > row) {
          assert(Number.isFinite(actual[whole]), `${actual[whole]} above the diagonal`);
          actual[whole] = expected[whole];
        }
      });
      for (const i of outside) assert(actual[i] === before[i], `${actual[i]} outside the heads' columns`);
      assertClose(actual, expected, tolerance(k), `${batch}×${sequence}, ${heads} heads of ${headSize}`);
    },
    binding ? { limits: narrowLimits(binding) } : {},
  );
}

const shapes: AttentionShape[] = [
  { batch: 2, sequence: 37, heads: 3, headSize: 5, causal: true },
  { batch: 1, sequence: 140, heads: 2, headSize: 7, causal: true },
  { batch: 3, sequence: 1, heads: 1, headSize: 6, causal: true },
  { batch: 2, sequence: 37, heads: 2, headSize: 16, causal: false },
  { batch: 1, sequence: 150, heads: 1, headSize: 64, causal: false },
];

const { subgroupSize } = await testGpu();

for (const product of products) {
  for (const variant of [directVariant(1), directVariant(4), directVariant(8), ...tiledVariants]) {
    const { lanes = 1 } = variant;
    const cannotRun = lanes > 1 && lanes !== subgroupSize &&
      `this adapter's subgroups are not of ${lanes} lanes`;
    gpuTest(
      `batchedMatmul() ${product} ${variantName(variant)} equals the reference for each sequence and head`,
      async () => {
        for (const shape of shapes) await check(product, shape, variant);
      },
      cannotRun,
    );
  }

  gpuTest(`batchedMatmul() ${product} over windows of whole sequences equals the whole`, async () => {
    const shape = { batch: 5, sequence: 64, heads: 2, headSize: 12, causal: false };
    await check(product, shape, undefined, 2 * 64 * 2 * 64 * 4);
  });
}
