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
import type { AttentionRows } from "./attention_template.ts";
import { type AttentionVariant, attentionVariantName } from "./attention_variant.ts";

/** Vectors of each of its rows that a GPU's thread holds: more would leave too few threads for the registers there are. */
const vectorsPerThread = 8;

/** Rows of a workgroup that a GPU may take, the best ones first where they waste equally little of a sequence. */
const blocks = [64, 96, 112, 80, 48];

/** How a thread works. */
interface Way extends Pick<AttentionRows, "rows" | "tile" | "unroll"> {
  /** Into how many parts rows are split beyond what registers ask for. */
  readonly further: number;
}

/** What a tuning run tries on a GPU. */
const ways: readonly Way[] = [
  { further: 1, rows: 1, tile: 32, unroll: 8 },
  { further: 1, rows: 1, tile: 32, unroll: 4 },
  { further: 1, rows: 1, tile: 16, unroll: 8 },
  { further: 1, rows: 1, tile: 16, unroll: 4 },
  { further: 1, rows: 2, tile: 32, unroll: 2 },
  { further: 2, rows: 1, tile: 32, unroll: 4 },
  { further: 2, rows: 2, tile: 16, unroll: 4 },
];

/** What it tries in small blocks, which are for few sequences and heads: these leave processors idle. */
const smallBlock = 32;
const waysInSmallBlocks: readonly Way[] = [
  { further: 1, rows: 1, tile: 32, unroll: 4 },
  { further: 1, rows: 1, tile: 16, unroll: 8 },
];

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
    return [{ headSize, causal, threads: 16, split: 1, shuffle: false, rows, tile: 16, unroll: 1 }];
  }
  let split = 1;
  while (head / split > vectorsPerThread) split *= 2;
  const covered = (rows: number) => Math.ceil(sequence / rows) * rows;
  const possible = blocks.filter((rows) => rows * split <= 256 && rows * split % 32 === 0)
    .toSorted((a, b) => covered(a) - covered(b));
  const [tile, unroll] = [head <= 16 ? 32 : 16, kernel === "forward" ? 8 : 4];
  const variant = (block: number, { further, rows, tile, unroll }: Way): AttentionRows => ({
    headSize,
    causal,
    rows,
    tile,
    unroll,
    split: split * further,
    threads: block * split * Math.max(1, further / rows),
    shuffle: subgroupSize >= split * further,
  });
  const first = variant(possible[0], { further: 1, rows: 1, tile, unroll });
  const others = [
    ...[...new Set([possible[0], blocks[0]])].flatMap((block) => ways.map((way) => variant(block, way))),
    ...waysInSmallBlocks.map((way) => variant(smallBlock, way)),
  ].filter(({ tile, threads }) => (head <= 16 || tile <= 16) && threads <= 256);
  return [first, ...others.filter((v) => attentionVariantName(v) !== attentionVariantName(first))];
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
    `No variant "${name}" of "${key}" on this adapter: take one of ${
      known.map(attentionVariantName).join(", ")
    }, or leave it out`,
  );
}
