import type { ProgramBuilder } from "../gpu/builder.ts";
import { fill, instantiate, type Operand } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Category } from "../memory/category.ts";
import channelText from "./channel_reader.wgsl" with { type: "text" };
import codesText from "./codes_reader.wgsl" with { type: "text" };
import tokenText from "./token_reader.wgsl" with { type: "text" };

/** Bits of a code. */
export type CodeBits = 8 | 4 | 2;

const dtypes = { 8: "u8", 4: "u4", 2: "u2" } as const;

/** A matrix of codes, with what it was quantized by. */
export interface Quantized {
  readonly bits: CodeBits;
  /** Codes of x's shape: each row is whole words, and its padding zero. */
  readonly codes: Tensor;
  /** Scale, shift and 1/scale by channel; or scale and shift by row and part, `parts` of them side by side in x. */
  readonly tables: Tensor;
}

/** Describes the codes of x (N×C). */
export function codesOf(builder: ProgramBuilder, x: Tensor, bits: CodeBits, category: Category): Tensor {
  const { name, rows, cols, stride } = x;
  const dtype = dtypes[bits];
  return builder.tensor(`${name} (${bits} bits)`, rows, cols, { category, dtype, stride });
}

/** Words of a row of codes, and vectors of four codes in a word. */
export function wordsOf({ stride }: Tensor, bits: CodeBits): { row: number; vectors: number } {
  const vectors = 8 / bits;
  return { row: Math.ceil(stride / 4 / vectors), vectors };
}

/** Reads codes by the tables of their channels. */
export function readByChannel({ bits, codes, tables }: Quantized): Operand {
  return {
    tensor: codes,
    cost: "light",
    code: (name, group) => codesCode(codes, bits, name, group) + instantiate(channelText, name, group),
    bindings: (group, window) => [
      { group, index: 0, tensor: codes, access: "read", ...window },
      { group, index: 1, tensor: tables, access: "read" },
    ],
  };
}

/** Reads codes by the ranges of their rows. */
export function readByToken({ bits, codes, tables }: Quantized, parts: number): Operand {
  const text = fill(tokenText, { PARTS: parts, SIZE: codes.cols / parts, STRIDE: codes.stride / 4 });
  return {
    tensor: codes,
    cost: "light",
    code: (name, group) => codesCode(codes, bits, name, group) + instantiate(text, name, group),
    bindings: (group, window) => [
      { group, index: 0, tensor: codes, access: "read", ...window },
      { group, index: 1, tensor: tables, access: "read", ...window },
    ],
  };
}

/** The text that reads four codes. Only where rows end within a word need it know the row; 8 bits never do. */
function codesCode(codes: Tensor, bits: CodeBits, name: string, group: number): string {
  const { row, vectors } = wordsOf(codes, bits);
  const stride = codes.stride / 4;
  const word = vectors === 1
    ? "index"
    : stride % vectors === 0
    ? `index / ${vectors}u`
    : `(index - column) / ${stride}u * ${row}u + column / ${vectors}u`;
  return instantiate(fill(codesText, { BITS: bits, WORD: word }), name, group);
}
