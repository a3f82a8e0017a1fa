import { UserError } from "../errors.ts";
import { openFile, readFull, replaceFile, withFileErrors, writeFull } from "./files.ts";
import {
  type Dtype,
  elementBytes,
  elementCount,
  encodeHeader,
  type HeaderEntry,
  readHeader,
  showShape,
} from "./safetensors_header.ts";

export type { Dtype };

/** A tensor in memory: `data` holds its elements in row-major order. */
export type NamedTensor =
  & { shape: number[] }
  & (
    | { dtype: "F32"; data: Float32Array<ArrayBuffer> }
    | { dtype: "I32"; data: Int32Array<ArrayBuffer> }
    | { dtype: "U32"; data: Uint32Array<ArrayBuffer> }
    | { dtype: "U8"; data: Uint8Array<ArrayBuffer> }
  );

/**
 * Reads every tensor of a safetensors file, in the order of their bytes. Types that have no place here are converted:
 *
 * | in the file         | here  |                                              |
 * | ------------------- | ----- | -------------------------------------------- |
 * | F64, F32, F16, BF16 | `F32` | F64 is rounded to the nearest                |
 * | I64, I32, I16, I8   | `I32` | an I64 that does not fit is an error         |
 * | U64, U32, U16       | `U32` | a U64 that does not fit is an error          |
 * | U8, BOOL            | `U8`  | 0 and 1 for BOOL                             |
 *
 * One tensor's bytes at a time are read, straight into its own memory.
 * Throws a `UserError` for a file that is missing, truncated or malformed; it names the tensor at fault.
 */
export function readSafetensors(path: string): Promise<Map<string, NamedTensor>> {
  return withFileErrors("read", path, async () => {
    using file = await openFile(path);
    const { entries } = await readHeader(file, path);
    const tensors = new Map<string, NamedTensor>();
    for (const entry of entries) {
      const bytes = new Uint8Array(entry.end - entry.begin);
      if (!await readFull(file, bytes)) {
        throw new UserError(
          `${path} became shorter while the tensor "${entry.name}" was read; read it again`,
        );
      }
      tensors.set(entry.name, { shape: entry.shape, ...decode(entry, bytes.buffer, path) });
    }
    return tensors;
  });
}

/** Reads the texts that a safetensors file carries beside its tensors. Throws as `readSafetensors` does. */
export function readSafetensorsMetadata(path: string): Promise<Record<string, string>> {
  return withFileErrors("read", path, async () => {
    using file = await openFile(path);
    return (await readHeader(file, path)).metadata;
  });
}

/**
 * Writes tensors to a safetensors file, in the map's order but wider elements first: so every tensor is aligned without the gaps that
 * the format forbids. The same map makes the same bytes. The file appears whole or not at all.
 *
 * `metadata` is what the file carries beside the tensors; without `format: "pt"`, `transformers` refuses a checkpoint.
 * Throws a `UserError` if the path cannot be written, a `RangeError` if a tensor's data does not fill its shape.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  metadata: Record<string, string> = { format: "pt" },
): Promise<void> {
  const ordered = [...tensors].sort(([, a], [, b]) => elementBytes[b.dtype] - elementBytes[a.dtype]);
  let end = 0;
  const entries = ordered.map(([name, { dtype, shape, data }]): HeaderEntry => {
    if (name === "__metadata__") throw new RangeError(`No tensor may be named "${name}"`);
    if (data.length !== elementCount(shape)) {
      throw new RangeError(
        `The tensor "${name}" has ${data.length} elements, not its shape's ${showShape(shape)}`,
      );
    }
    const begin = end;
    end += data.byteLength;
    return { name, dtype, shape, begin, end };
  });
  await replaceFile(path, async (file) => {
    await writeFull(file, encodeHeader({ metadata, entries }));
    for (const [, { data }] of ordered) {
      await writeFull(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  });
}

/** Both the format and every machine that Deno runs on are little-endian, so a view of the bytes is the tensor. */
function decode({ name, dtype }: HeaderEntry, bytes: ArrayBuffer, path: string) {
  switch (dtype) {
    case "F64":
      return floats(new Float32Array(new Float64Array(bytes)));
    case "F32":
      return floats(new Float32Array(bytes));
    case "F16":
      return floats(new Float32Array(new Float16Array(bytes)));
    case "BF16": // the upper half of an F32
      return floats(
        new Float32Array(new Uint32Array(new Uint16Array(bytes)).map((bits) => bits << 16).buffer),
      );
    case "I64": {
      const wide = new BigInt64Array(bytes);
      refuse(wide.find((value) => value !== BigInt.asIntN(32, value)));
      return { dtype: "I32" as const, data: Int32Array.from(wide, Number) };
    }
    case "I32":
      return { dtype: "I32" as const, data: new Int32Array(bytes) };
    case "I16":
      return { dtype: "I32" as const, data: new Int32Array(new Int16Array(bytes)) };
    case "I8":
      return { dtype: "I32" as const, data: new Int32Array(new Int8Array(bytes)) };
    case "U64": {
      const wide = new BigUint64Array(bytes);
      refuse(wide.find((value) => value !== BigInt.asUintN(32, value)));
      return { dtype: "U32" as const, data: Uint32Array.from(wide, Number) };
    }
    case "U32":
      return { dtype: "U32" as const, data: new Uint32Array(bytes) };
    case "U16":
      return { dtype: "U32" as const, data: new Uint32Array(new Uint16Array(bytes)) };
    case "U8":
    case "BOOL":
      return { dtype: "U8" as const, data: new Uint8Array(bytes) };
  }
  function refuse(value: bigint | undefined): void {
    if (value === undefined) return;
    throw new UserError(
      `The tensor "${name}" in ${path} holds ${value}, which does not fit into 32 bits; save smaller numbers`,
    );
  }
}

const floats = (data: Float32Array<ArrayBuffer>) => ({ dtype: "F32" as const, data });
