import type { ProgramDescription } from "../gpu/builder.ts";
import { rowBytes, type Tensor } from "../gpu/tensor.ts";
import { type ChannelTables, dequantize } from "./quantize_reference.ts";

/** What reads the tensors of a program that has run; a planned tensor's bytes are its own only under `keepAll`. */
export interface ProgramReader {
  readonly description: ProgramDescription;
  read(tensor: Tensor): Promise<ArrayBuffer>;
}

/** A tensor in fewer than 32 bits, as storage gives it back. */
export interface StoredTensor {
  readonly bits: 16 | 8 | 4 | 2;
  /** Rows×cols. */
  readonly values: Float64Array;
  /** The distance, at an element, from one value that can be stored to the next. */
  step(element: number): number;
  /** The smallest and the largest value that can be stored there. */
  extremes(element: number): readonly [least: number, most: number];
}

/** Reads back every tensor that a program has kept in fewer than 32 bits, by its key. Its tensors must be its own (`keepAll`). */
export async function readStored(program: ProgramReader): Promise<Map<string, StoredTensor>> {
  const stored = new Map<string, StoredTensor>();
  for (const tensor of program.description.tensors) {
    const [, key, format] = /^(.*) \((f16|\d bits)\)$/.exec(tensor.name) ?? [];
    if (format === "f16") stored.set(key, halves(await readHalves(program, tensor)));
    else if (format) stored.set(key, await quantized(program, tensor, key));
  }
  return stored;
}

const largestHalf = 65504;

function halves(read: Float16Array): StoredTensor {
  const values = Float64Array.from(read);
  return {
    bits: 16,
    values,
    // Ten bits follow the leading one, and no two numbers lie closer than 2^-24.
    step: (i) => Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(values[i]))) - 10)),
    extremes: () => [-largestHalf, largestHalf],
  };
}

async function quantized(program: ProgramReader, codes: Tensor, key: string): Promise<StoredTensor> {
  const { rows, cols } = codes;
  const tables = program.description.tensors.find(({ name }) => name === `${key} tables`)!;
  const bits = bitsOf(codes);
  // Tables by channel are booked as ranges, those by token with the codes.
  const { scale, shift } = tables.category === "ranges"
    ? await readTables(program, tables, cols)
    : await readTokenTables(program, tables, cols);
  return {
    bits,
    values: dequantize(await readCodes(program, codes), rows, cols, { scale, shift }),
    step: (i) => scale[i % scale.length],
    extremes: (i) => {
      const least = shift[i % shift.length];
      return [least, least + (2 ** bits - 1) * scale[i % scale.length]];
    },
  };
}

/** The dense elements of a padded tensor, `perRow` of them from one row to the next. Throws if the padding is not zero. */
function dense<Kind extends Uint8Array | Float16Array>(
  elements: Kind,
  { name, rows, cols }: Tensor,
  perRow: number,
): Kind {
  const kept = elements.filter((value, i) => {
    const [row, col] = [Math.floor(i / perRow), i % perRow];
    if (col >= cols && value !== 0) {
      throw new Error(`Padding of ${name} at row ${row}, column ${col} is ${value}`);
    }
    return row < rows && col < cols;
  });
  return kept as Kind;
}

function bitsOf({ dtype }: Tensor): 8 | 4 | 2 {
  return dtype === "u8" ? 8 : dtype === "u4" ? 4 : 2;
}

/** Codes of 8, 4 or 2 bits, rows×cols. */
export async function readCodes(program: ProgramReader, codes: Tensor): Promise<Uint8Array> {
  const bits = bitsOf(codes);
  const bytes = new Uint8Array(await program.read(codes));
  const perByte = 8 / bits;
  const unpacked = Uint8Array.from(
    { length: bytes.length * perByte },
    (_, i) => (bytes[Math.floor(i / perByte)] >> (i % perByte * bits)) % 2 ** bits,
  );
  return dense(unpacked, codes, rowBytes(codes) * perByte);
}

/** 16-bit numbers, rows×cols. */
export async function readHalves(program: ProgramReader, halves: Tensor): Promise<Float16Array> {
  return dense(new Float16Array(await program.read(halves)), halves, halves.stride);
}

/** Tables by channel, which lie as vectors of four scales, shifts and inverses in turn. */
export async function readTables(
  program: ProgramReader,
  tables: Tensor,
  cols: number,
): Promise<ChannelTables> {
  const values = new Float32Array(await program.read(tables));
  const column = (which: number) =>
    Float32Array.from({ length: cols }, (_, c) => values[Math.floor(c / 4) * 12 + 4 * which + c % 4]);
  return { scale: column(0), shift: column(1), inverse: column(2) };
}

/** Scale and shift by row and part, spread over the elements of `cols` channels. */
export async function readTokenTables(
  program: ProgramReader,
  tables: Tensor,
  cols: number,
): Promise<Omit<ChannelTables, "inverse">> {
  const values = new Float32Array(await program.read(tables));
  const size = cols / (tables.cols / 2);
  const each = (which: number) =>
    Float32Array.from({ length: tables.rows * cols }, (_, i) => values[2 * Math.floor(i / size) + which]);
  return { scale: each(0), shift: each(1) };
}
