import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import putText from "./put_heads.wgsl" with { type: "text" };
import takeText from "./take_heads.wgsl" with { type: "text" };

/** Heads of a wider tensor that lie side by side in one of its own (N × heads·headSize). */
export interface HeadBlock {
  readonly tensor: Tensor;
  /** Which heads, counted from the wider tensor's first column; one may be there several times. */
  readonly heads: readonly number[];
}

/** Emits a block of heads of x (N × any number of heads). */
export function takeHeads(builder: ProgramBuilder, x: Tensor, block: HeadBlock, headSize: number): void {
  emit(builder, x, block, headSize, {
    label: "take_heads",
    code: table("heads", block.heads) + takeText,
    bindings: [{ tensor: x, access: "read" }, { tensor: block.tensor, access: "write" }],
  });
}

/** Emits x (N × any number of heads) from blocks: each head is the sum of all that are it, in their order. Every head must be in one. */
export function putHeads(
  builder: ProgramBuilder,
  blocks: readonly HeadBlock[],
  x: Tensor,
  headSize: number,
): void {
  const written = new Set<number>();
  for (const block of blocks) {
    const adds = block.heads.map((head) => {
      const add = written.has(head);
      written.add(head);
      return Number(add);
    });
    emit(builder, x, block, headSize, {
      label: "put_heads",
      code: table("heads", block.heads) + table("adds", adds) + putText,
      bindings: [{ tensor: block.tensor, access: "read" }, { tensor: x, access: "update" }],
      constants: { x_cols: x.cols },
    });
  }
}

/** WGSL of a table with a number for each slot of a block. */
const table = (name: string, values: readonly number[]) =>
  (name === "heads" ? `const slots = ${values.length}u;\n` : "") +
  `var<private> ${name}: array<u32, slots> = array<u32, slots>(${values.map((v) => `${v}u`).join(", ")});\n`;

function emit(
  builder: ProgramBuilder,
  x: Tensor,
  { tensor, heads }: HeadBlock,
  headSize: number,
  { label, code, bindings, constants }: {
    label: string;
    code: string;
    bindings: { tensor: Tensor; access: "read" | "write" | "update" }[];
    constants?: Record<string, number>;
  },
): void {
  for (const window of builder.windows([x, tensor])) {
    builder.dispatch({
      kernel: {
        label,
        code,
        constants: { head_size: headSize, x_stride: x.stride, block_stride: tensor.stride, ...constants },
      },
      bindings: bindings.map((binding, i) => ({ group: 0, index: i + 1, ...binding, ...window })),
      parameters: { rows: window.rows },
      workgroups: Math.ceil(window.rows * headSize / elementThreads),
      flops: window.rows * heads.length * headSize,
    });
  }
}
