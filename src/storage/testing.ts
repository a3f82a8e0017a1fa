import { assert } from "@std/assert";
import type { Program } from "../gpu/program.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { ChannelTables } from "./quantize_reference.ts";

/** The dense elements of a padded tensor's bytes, read as `kind`. Asserts that the padding is zero. */
function dense<Kind extends Uint8Array | Float16Array>(
  elements: Kind,
  { name, rows, cols, stride }: Tensor,
): Kind {
  const kept = elements.filter((value, i) => {
    const [row, col] = [Math.floor(i / stride), i % stride];
    assert(col < cols || value === 0, `Padding of ${name} at row ${row}, column ${col} is ${value}`);
    return row < rows && col < cols;
  });
  return kept as Kind;
}

/** 8-bit codes, rows×cols. */
export async function readCodes(program: Program, codes: Tensor): Promise<Uint8Array> {
  return dense(new Uint8Array(await program.read(codes)), codes);
}

/** 16-bit numbers, rows×cols. */
export async function readHalves(program: Program, halves: Tensor): Promise<Float16Array> {
  return dense(new Float16Array(await program.read(halves)), halves);
}

/** Tables by channel, which lie as vectors of four scales, shifts and inverses in turn. */
export async function readTables(program: Program, tables: Tensor, cols: number): Promise<ChannelTables> {
  const values = new Float32Array(await program.read(tables));
  const column = (which: number) =>
    Float32Array.from({ length: cols }, (_, c) => values[Math.floor(c / 4) * 12 + 4 * which + c % 4]);
  return { scale: column(0), shift: column(1), inverse: column(2) };
}

/** The number of elements that the clamp changed when these estimates were last used. */
export async function readClipped(program: Program, estimates: Tensor): Promise<number> {
  return new Uint32Array(await program.read(estimates))[(estimates.rows - 1) * estimates.stride];
}
