import { type ColumnTiles, columnTiles } from "../../kernels/shared/column_sums.ts";
import type { ProgramBuilder } from "../gpu/builder.ts";
import type { Store, Tensor } from "../gpu/tensor.ts";
import type { CodeBits } from "./codes.ts";
import extremesText from "./extremes.wgsl" with { type: "text" };
import partialText from "./range_partial.wgsl" with { type: "text" };
import updateText from "./range_update.wgsl" with { type: "text" };
import spanText from "./workgroup_extremes.wgsl" with { type: "text" };

/** The rows and columns of x that one workgroup looks over for its extremes. */
export function tilesOf({ rows, stride }: Tensor): ColumnTiles {
  return columnTiles(rows, stride / 4);
}

/** 1 − λ as f32 arithmetic has it, so that the estimates can be followed bit for bit. */
export function rateOf(lambda: number): number {
  return Math.fround(1 - Math.fround(lambda));
}

/**
 * The range estimates of one saved tensor, which outlive the step: a vector (range, minimum, set, 0) for each group, and one more whose
 * first word counts clipped elements.
 */
export function rangeEstimates(name: string, groups: number): Tensor {
  const bytes = (groups + 1) * 16;
  const store: Store = { name: `${name} range estimates`, category: "ranges", bytes };
  return {
    name: store.name,
    dtype: "f32",
    rows: groups + 1,
    cols: 4,
    stride: 4,
    category: "ranges",
    home: { store, offset: 0 },
  };
}

/** Scale, shift and 1/scale of each channel: a snapshot that stays as it is until backward has read the codes. */
export function channelTables(builder: ProgramBuilder, x: Tensor): Tensor {
  return builder.tensor(`${x.name} tables`, x.stride / 4, 12, { category: "ranges" });
}

/** The smallest and the largest value of each column, for each chunk of rows: two rows a chunk. */
export function extremesOf(builder: ProgramBuilder, x: Tensor): Tensor {
  const chunks = Math.ceil(x.rows / tilesOf(x).chunk);
  return builder.tensor(`${x.name} extremes`, 2 * chunks, x.stride, { category: "transient" });
}

/** Whether a dispatch belongs to the first run of its program only. */
interface When {
  readonly first?: true;
}

/** Emits x's extremes. */
export function observe(builder: ProgramBuilder, x: Tensor, extremes: Tensor, when: When = {}): void {
  const { lanes, chunk } = tilesOf(x);
  const stride = x.stride / 4;
  for (const window of builder.windows([x], chunk)) {
    builder.dispatch({
      kernel: {
        label: "range_partial",
        code: extremesText + partialText,
        constants: { stride, lanes },
      },
      bindings: [
        { group: 0, index: 1, tensor: x, access: "read", ...window },
        { group: 0, index: 2, tensor: extremes, access: "write" },
      ],
      parameters: { rows: window.rows, chunk, first_chunk: window.first / chunk },
      workgroups: Math.ceil(stride / lanes) * Math.ceil(window.rows / chunk),
      flops: 2 * window.rows * x.cols,
      ...when,
    });
  }
}

/**
 * When the estimates advance:
 * - `before` the codes are made: the tables are those of the new estimates;
 * - `begin`: only what no batch has set yet, so that there are estimates to quantize with;
 * - `after` the codes are made: the tables are those of the old estimates, which made them, and the new ones are the next batch's.
 */
export type Order = "before" | "begin" | "after";

const orders: Record<Order, number> = { before: 0, begin: 1, after: 2 };

/** The ranges of one stored tensor x (N×C): `groups` of its channels, equally wide, share one each. */
export interface ChannelRanges {
  readonly groups: number;
  readonly bits: CodeBits;
  readonly extremes: Tensor;
  readonly estimates: Tensor;
  readonly tables: Tensor;
}

/**
 * Emits the step from x's extremes to its estimates, which move by `rate` = 1 − λ towards this batch's (the first batch sets them; rate 1
 * forgets the past), and to its tables. Before the codes are made, it clears the count of clipped elements; after, it publishes it.
 */
export function advance(
  builder: ProgramBuilder,
  { cols, stride }: Tensor,
  { groups, bits, extremes, estimates, tables }: ChannelRanges,
  rate: number,
  order: Order,
  when: When = {},
): void {
  const chunks = extremes.rows / 2;
  builder.dispatch({
    kernel: {
      label: "range_update",
      code: spanText + updateText,
      constants: { cols, stride, groups_of_channels: groups, bits },
    },
    bindings: [
      { group: 0, index: 1, tensor: extremes, access: "read" },
      { group: 0, index: 2, tensor: estimates, access: "update" },
      { group: 0, index: 3, tensor: tables, access: "write" },
    ],
    parameters: { chunks, rate, order: orders[order] },
    workgroups: groups,
    flops: 2 * chunks * cols,
    ...when,
  });
}
