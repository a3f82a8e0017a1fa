import { UserError } from "../../src/errors.ts";
import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { attentionMatrixVariants, type MatrixAdapter } from "./attention_matrix_variant.ts";
import {
  type AttentionKernel,
  attentionKey,
  type AttentionShape,
  groupOf,
  type HalvedInputs,
} from "./attention_shape.ts";
import { type AttentionRows, blockRows, vectors } from "./attention_template.ts";
import { type AttentionVariant, attentionVariantName } from "./attention_variant.ts";

/** Rows of a workgroup that a GPU may take, the best ones first where they waste equally little of a sequence. */
const blocks = [64, 96, 112, 80, 48];
/** Rows of one where few sequences and heads would leave processors idle, or a row takes many threads. */
const smallBlock = 32;

/** How a thread works. Rows are dealt among the threads that share them where each has several. */
interface Way extends Pick<AttentionRows, "rows" | "tile" | "unroll"> {
  /** Vectors of each of its rows that it holds, at most: more threads share a row of more. */
  readonly held: number;
}

const dealt = (held: number, rows: number, tile: number, unroll: number): Way => ({
  ...{ held, rows, tile, unroll },
});
const shared = (tile: number, unroll: number): Way => ({ held: 8, rows: 1, tile, unroll });

/** What a tuning run tries on a GPU, the likeliest first: of heads up to 64 numbers, and of wider ones (docs/runtime.md). */
const ways: Record<AttentionKernel, Record<"narrow" | "wide", readonly Way[]>> = {
  forward: {
    narrow: [dealt(2, 4, 16, 8), dealt(2, 4, 32, 8), dealt(4, 4, 32, 4), shared(32, 8)],
    wide: [dealt(4, 4, 8, 8), dealt(4, 4, 16, 8), dealt(2, 8, 16, 8), shared(16, 8)],
  },
  backward_query: {
    narrow: [dealt(2, 4, 16, 8), dealt(2, 4, 32, 8), dealt(4, 2, 16, 4), shared(32, 8)],
    wide: [dealt(2, 8, 8, 4), dealt(2, 4, 8, 8), dealt(4, 2, 16, 8), shared(16, 4)],
  },
  backward_key: {
    narrow: [shared(32, 8), dealt(4, 2, 16, 4), dealt(4, 2, 32, 4), dealt(4, 2, 16, 8), dealt(2, 4, 32, 2)],
    wide: [dealt(4, 2, 16, 8), dealt(4, 2, 16, 4), dealt(2, 4, 16, 2), shared(16, 4)],
  },
};

/** The sizes that decide on a variant. */
type VariantShape =
  & Pick<AttentionShape, "headSize" | "causal" | "sequence">
  & Partial<Pick<AttentionShape, "heads" | "keyHeads">>;

/** What decides on a variant besides the shape. */
type Adapter = MatrixAdapter & Pick<ProgramBuilder, "subgroupSize">;

/**
 * Variants for a shape, the best first, by experience: what a tuning run measures, and of which the first is taken without. On a GPU rows
 * are split until a thread's part fits its registers, and blocks of rows leave little of the last one empty. A software adapter loads
 * lane by lane, so there a thread takes more rows for each load, as many as compile in reasonable time. Where products are of halves, those
 * on subgroup matrices, if there are any.
 */
export function attentionVariants(
  kernel: AttentionKernel,
  shape: VariantShape,
  adapter: Adapter,
): AttentionVariant[] {
  const { heads = 1, keyHeads = heads } = shape;
  const group = groupOf({ heads, keyHeads });
  const matrices = attentionMatrixVariants(kernel, shape, adapter);
  const variants = matrices.length > 0 ? matrices : threadVariants(kernel, shape, adapter);
  return group > 1 ? variants.map((v) => ({ ...v, group })) : variants;
}

/** Those in f32. */
function threadVariants(
  kernel: AttentionKernel,
  { headSize, causal, sequence }: VariantShape,
  { adapterClass, subgroupSize }: Adapter,
): AttentionRows[] {
  const head = Math.ceil(headSize / 4);
  if (adapterClass === "software") {
    const rows = headSize % 4 === 0 ? Math.max(1, Math.min(4, Math.floor(32 / head))) : 1;
    return [{ headSize, causal, threads: 16, split: 1, sums: "exchanged", rows, tile: 16, unroll: 1 }];
  }
  const variant = (block: number, { held, rows: most, tile, unroll }: Way): AttentionRows => {
    let split = 1;
    while (head / split > held) split *= 2;
    const rows = Math.min(most, split);
    const sums = subgroupSize < split ? "exchanged" : rows > 1 ? "dealt" : "shuffled";
    return { headSize, causal, threads: block / rows * split, split, sums, rows, tile, unroll };
  };
  const width = head <= 16 ? "narrow" : "wide";
  const covered = (rows: number) => Math.ceil(sequence / rows) * rows;
  const all = ways[kernel][width].flatMap((way) => {
    const isDealt = way.rows > 1;
    const most = isDealt && width === "wide" ? 128 : 256; // threads
    const of = (rows: readonly number[]) =>
      rows.map((block) => variant(block, way)).filter(({ threads, sums }) =>
        threads <= most && threads % 32 === 0 && !(isDealt && sums === "exchanged")
      );
    const large = of(blocks);
    const fitting = large.toSorted((a, b) => covered(blockRows(a)) - covered(blockRows(b)));
    return [...fitting.slice(0, 1), ...large.slice(0, 1), ...of([smallBlock])];
  }).toSorted((a, b) => vectors(a).padded - vectors(b).padded);
  return [...new Map(all.map((v) => [attentionVariantName(v), v])).values()];
}

/** The variant that the builder's variants name, else the first. Throws a UserError for a name it does not know. */
export function attentionChoice(
  builder: ProgramBuilder,
  kernel: AttentionKernel,
  shape: AttentionShape,
  halved?: HalvedInputs,
): AttentionVariant {
  const known = attentionVariants(kernel, shape, builder);
  const key = attentionKey(kernel, shape, halved);
  const name = builder.variantFor(key, attentionVariantName(known[0]));
  const variant = known.find((v) => attentionVariantName(v) === name);
  if (variant) return variant;
  throw new UserError(
    `No variant "${name}" of "${key}" in this version, or on this adapter: take one of ${
      known.map(attentionVariantName).join(", ")
    }, or leave it out`,
  );
}
