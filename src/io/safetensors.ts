import { UserError } from "../errors.ts";
import { openFile, readPart, replaceFile, withFileErrors, writeFull } from "./files.ts";
import { fromBf16, fromF16 } from "./halves.ts";
import {
  type Dtype,
  elementBytes,
  elementCount,
  encodeHeader,
  type HeaderEntry,
  readHeader,
  showShape,
} from "./safetensors_header.ts";

/** A tensor in memory: `data` holds its elements in row-major order. */
export type NamedTensor =
  & { shape: number[] }
  & (
    | { dtype: "F32"; data: Float32Array<ArrayBuffer> }
    | { dtype: "I32"; data: Int32Array<ArrayBuffer> }
    | { dtype: "U32"; data: Uint32Array<ArrayBuffer> }
    | { dtype: "U8"; data: Uint8Array<ArrayBuffer> }
  );

/** A tensor that is read when it is written: so of a large model no more than a tensor need be in memory. */
export interface UnreadTensor {
  readonly dtype: NamedTensor["dtype"];
  readonly shape: readonly number[];
  read(): Promise<NamedTensor["data"]>;
}

/** What a safetensors file holds. */
export interface SafetensorsFile {
  /** In the order of their bytes; whoever asks for the `data` of one reads them anew. */
  readonly tensors: Map<string, NamedTensor>;
  /** Texts beside them. */
  readonly metadata: Record<string, string>;
}

/**
 * Opens a safetensors file: its header is read and checked, and each tensor's data only when they are asked for, so that no more of the file
 * need be in memory than a tensor at a time. Types that have no place here are converted:
 *
 * | in the file         | here  |                                              |
 * | ------------------- | ----- | -------------------------------------------- |
 * | F64, F32, F16, BF16 | `F32` | F64 is rounded to the nearest                |
 * | I64, I32, I16, I8   | `I32` | an I64 that does not fit is an error         |
 * | U64, U32, U16       | `U32` | a U64 that does not fit is an error          |
 * | U8, BOOL            | `U8`  | 0 and 1 for BOOL                             |
 *
 * Throws a `UserError` for a file that is missing, truncated or malformed; it names the tensor at fault.
 */
export function openSafetensors(path: string): Promise<SafetensorsFile> {
  return withFileErrors("read", path, async () => {
    using file = await openFile(path);
    const { entries, metadata } = await readHeader(file, path);
    const first = await file.seek(0, Deno.SeekMode.Current);
    return { metadata, tensors: new Map(entries.map((entry) => [entry.name, stored(entry, path, first)])) };
  });
}

/** Reads every tensor of a safetensors file into memory. Throws as `openSafetensors` does. */
export async function readSafetensors(path: string): Promise<Map<string, NamedTensor>> {
  const { tensors } = await openSafetensors(path);
  return new Map([...tensors].map(([name, tensor]) => [name, { ...tensor }]));
}

/** A tensor whose data stay in the file, which has them `first` bytes after where its header counts from. */
function stored(entry: HeaderEntry, path: string, first: number): NamedTensor {
  return {
    dtype: keptAs[entry.dtype],
    shape: entry.shape,
    get data() {
      const bytes = readPart(path, first + entry.begin, entry.end - entry.begin);
      if (bytes) return decode(entry, bytes.buffer, path);
      throw new UserError(
        `${path} became shorter while the tensor "${entry.name}" was read; read it again`,
      );
    },
  } as NamedTensor; // `keptAs` is what `decode` makes of each type
}

/**
 * Writes tensors to a safetensors file, in the map's order but wider elements first: so every tensor is aligned without the gaps that
 * the format forbids. The same map makes the same bytes. The file appears whole or not at all; what is not read yet is read one by one, in
 * the order of the file, and an error in that is thrown on.
 *
 * `metadata` is what the file carries beside the tensors; without `format: "pt"`, `transformers` refuses a checkpoint.
 * Throws a `UserError` if the path cannot be written, a `RangeError` if a tensor's data does not fill its shape.
 */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor | UnreadTensor>,
  metadata: Record<string, string> = { format: "pt" },
): Promise<void> {
  const ordered = [...tensors].sort(([, a], [, b]) => elementBytes[b.dtype] - elementBytes[a.dtype]);
  let end = 0;
  const entries = ordered.map(([name, { dtype, shape }]): HeaderEntry => {
    if (name === "__metadata__") throw new RangeError(`No tensor may be named "${name}"`);
    const begin = end;
    end += elementBytes[dtype] * elementCount(shape);
    return { name, dtype, shape: [...shape], begin, end };
  });
  await replaceFile(path, async (file) => {
    await writeFull(file, encodeHeader({ metadata, entries }));
    for (const [name, tensor] of ordered) {
      const data = "read" in tensor ? await tensor.read() : tensor.data;
      if (data.length !== elementCount(tensor.shape)) {
        throw new RangeError(
          `The tensor "${name}" has ${data.length} elements, not its shape's ${showShape(tensor.shape)}`,
        );
      }
      await writeFull(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  });
}

/** What a tensor of each type is here. */
const keptAs: Record<Dtype, NamedTensor["dtype"]> = {
  ...{ F64: "F32", F32: "F32", F16: "F32", BF16: "F32" },
  ...{ I64: "I32", I32: "I32", I16: "I32", I8: "I32" },
  ...{ U64: "U32", U32: "U32", U16: "U32" },
  ...{ U8: "U8", BOOL: "U8" },
};

/** Both the format and every machine that Deno runs on are little-endian, so a view of the bytes is the tensor. */
function decode({ name, dtype }: HeaderEntry, bytes: ArrayBuffer, path: string): NamedTensor["data"] {
  switch (dtype) {
    case "F64":
      return new Float32Array(new Float64Array(bytes));
    case "F32":
      return new Float32Array(bytes);
    case "F16":
      return fromF16(bytes);
    case "BF16":
      return fromBf16(bytes);
    case "I64": {
      const wide = new BigInt64Array(bytes);
      refuse(wide.find((value) => value !== BigInt.asIntN(32, value)));
      return Int32Array.from(wide, Number);
    }
    case "I32":
      return new Int32Array(bytes);
    case "I16":
      return new Int32Array(new Int16Array(bytes));
    case "I8":
      return new Int32Array(new Int8Array(bytes));
    case "U64": {
      const wide = new BigUint64Array(bytes);
      refuse(wide.find((value) => value !== BigInt.asUintN(32, value)));
      return Uint32Array.from(wide, Number);
    }
    case "U32":
      return new Uint32Array(bytes);
    case "U16":
      return new Uint32Array(new Uint16Array(bytes));
    case "U8":
    case "BOOL":
      return new Uint8Array(bytes);
  }
  function refuse(value: bigint | undefined): void {
    if (value === undefined) return;
    throw new UserError(
      `The tensor "${name}" in ${path} holds ${value}, which does not fit into 32 bits; save smaller numbers`,
    );
  }
}
