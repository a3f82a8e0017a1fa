import type { ProgramBuilder } from "../src/gpu/builder.ts";
import { type Operand, plain } from "../src/gpu/operand.ts";
import { type Tensor } from "../src/gpu/tensor.ts";
import text from "./column_sums.wgsl" with { type: "text" };

/** The fewest rows that one of several workgroups takes. */
const leastChunk = 128;

/** Workgroups that fill a large GPU: twice the 132 processors of an H200. */
const fewestWorkgroups = 264;

/** How workgroups of 256 share a matrix whose columns they reduce: `lanes` vectors of columns and `chunk` rows each. */
export interface ColumnTiles {
  readonly lanes: number;
  readonly chunk: number;
}

/**
 * Tiles of a matrix of `rows` rows of `vectors` vectors. Wide ones read contiguous KiB and leave little to fold, but fewer workgroups; long
 * chunks leave few partial results, and are taken where 1024 workgroups remain.
 */
export function columnTiles(rows: number, vectors: number): ColumnTiles {
  const wide = Math.ceil(vectors / 64);
  const chunks = Math.floor(rows * wide / (1024 * leastChunk));
  const chunk = leastChunk * Math.max(1, Math.min(4, chunks));
  const enough = vectors >= 48 && wide * Math.ceil(rows / chunk) >= fewestWorkgroups;
  return { lanes: enough ? 64 : 16, chunk };
}

/** Emits out (1×C) = the sums of the columns of v (N×C), or += with `accumulate`: bias gradients, and those of a LayerNorm's layer. */
export function columnSums(builder: ProgramBuilder, v: Operand, out: Tensor, accumulate: boolean): void {
  const { rows, cols, stride } = v.tensor;
  const whole = builder.windows([v.tensor]).length === 1;
  if (whole && rows <= 4 * leastChunk) return emit(builder, v, out, wholeColumns(rows, stride), accumulate);
  const tiles = columnTiles(rows, stride / 4);
  const chunks = Math.ceil(rows / tiles.chunk);
  const partial = builder.tensor(`${out.name} partial sums`, chunks, cols, { category: "transient" });
  emit(builder, v, partial, tiles, false);
  emit(builder, plain(partial), out, wholeColumns(chunks, stride), accumulate);
}

/** One chunk of all rows: where they are many, narrow tiles, so that more workgroups share them. */
function wholeColumns(rows: number, stride: number): ColumnTiles {
  const enough = stride / 4 >= 64 * fewestWorkgroups;
  return { lanes: enough ? 64 : rows > leastChunk ? 4 : 16, chunk: rows };
}

function emit(
  builder: ProgramBuilder,
  v: Operand,
  out: Tensor,
  { lanes, chunk }: ColumnTiles,
  accumulate: boolean,
): void {
  const stride = v.tensor.stride / 4;
  for (const window of builder.windows([v.tensor], chunk)) {
    const chunks = Math.ceil(window.rows / chunk);
    builder.dispatch({
      kernel: { label: "column_sums", code: v.code("v", 1) + text, constants: { stride, lanes } },
      bindings: [
        { group: 0, index: 1, tensor: out, access: accumulate ? "update" : "write" },
        ...v.bindings(1, window),
      ],
      parameters: [window.rows, chunk, window.first / chunk, Number(accumulate)],
      workgroups: Math.ceil(stride / lanes) * chunks,
      flops: window.rows * v.tensor.cols,
    });
  }
}
