import { assert } from "@std/assert";
import type { Program } from "../gpu/program.ts";
import { rowBytes, type Tensor } from "../gpu/tensor.ts";
import type { ChannelTables } from "./quantize_reference.ts";

/** The dense elements of a padded tensor, `perRow` of them from one row to the next. Asserts that the padding is zero. */
function dense<Kind extends Uint8Array | Float16Array>(
  elements: Kind,
  { name, rows, cols }: Tensor,
  perRow: number,
): Kind {
  const kept = elements.filter((value, i) => {
    const [row, col] = [Math.floor(i / perRow), i % perRow];
    assert(col < cols || value === 0, `Padding of ${name} at row ${row}, column ${col} is ${value}`);
    return row < rows && col < cols;
  });
  return kept as Kind;
}

const codeBits = new Map([["u8", 8], ["u4", 4], ["u2", 2]]);

/** Codes of 8, 4 or 2 bits, rows×cols. */
export async function readCodes(program: Program, codes: Tensor): Promise<Uint8Array> {
  const bits = codeBits.get(codes.dtype)!;
  const bytes = new Uint8Array(await program.read(codes));
  const perByte = 8 / bits;
  const unpacked = Uint8Array.from(
    { length: bytes.length * perByte },
    (_, i) => (bytes[Math.floor(i / perByte)] >> (i % perByte * bits)) % 2 ** bits,
  );
  return dense(unpacked, codes, rowBytes(codes) * perByte);
}

/** 16-bit numbers, rows×cols. */
export async function readHalves(program: Program, halves: Tensor): Promise<Float16Array> {
  return dense(new Float16Array(await program.read(halves)), halves, halves.stride);
}

/** Tables by channel, which lie as vectors of four scales, shifts and inverses in turn. */
export async function readTables(program: Program, tables: Tensor, cols: number): Promise<ChannelTables> {
  const values = new Float32Array(await program.read(tables));
  const column = (which: number) =>
    Float32Array.from({ length: cols }, (_, c) => values[Math.floor(c / 4) * 12 + 4 * which + c % 4]);
  return { scale: column(0), shift: column(1), inverse: column(2) };
}

/** Scale and shift by row and part, spread over the elements of `cols` channels. */
export async function readTokenTables(
  program: Program,
  tables: Tensor,
  cols: number,
): Promise<Omit<ChannelTables, "inverse">> {
  const values = new Float32Array(await program.read(tables));
  const size = cols / (tables.cols / 2);
  const each = (which: number) =>
    Float32Array.from({ length: tables.rows * cols }, (_, i) => values[2 * Math.floor(i / size) + which]);
  return { scale: each(0), shift: each(1) };
}

/** The number of elements that the clamp changed when the tensor of these estimates was last stored. */
export async function readClipped(program: Program, estimates: Tensor): Promise<number> {
  return new Uint32Array(await program.read(estimates))[(estimates.rows - 1) * estimates.stride];
}
