import { UserError } from "../errors.ts";
import { readFull } from "./files.ts";

/** Bytes of one element of each type that can be read. */
export const elementBytes = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
} as const;

/** An element type as a safetensors header spells it. */
export type Dtype = keyof typeof elementBytes;

/** One tensor of a file: `begin` and `end` count bytes from the end of the header. */
export interface HeaderEntry {
  name: string;
  dtype: Dtype;
  shape: number[];
  begin: number;
  end: number;
}

/** A file's header: tensors in the order of their bytes. */
export interface Header {
  metadata: Record<string, string>;
  entries: HeaderEntry[];
}

/** The longest header that the format allows, in bytes. */
const longestHeader = 100_000_000;

const again = "save or copy the file again";

/**
 * Reads and checks the header of an open safetensors file and leaves the file's position behind it, at the first tensor.
 * As the format demands, the tensors' bytes must follow one another without gap or overlap and fill the rest of the file.
 * Throws a `UserError` that names the file and, where one is at fault, the tensor.
 *
 * Source: https://github.com/huggingface/safetensors (format description in its README).
 */
export async function readHeader(file: Deno.FsFile, path: string): Promise<Header> {
  const { size } = await file.stat();
  const prefix = new Uint8Array(8);
  if (!await readFull(file, prefix)) {
    throw new UserError(
      `${path} is not a safetensors file or is truncated: it has ${size} bytes, fewer than the 8 of the header's length`,
    );
  }
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > longestHeader) {
    throw new UserError(
      `${path} is not a safetensors file: it claims a header of ${length} bytes, more than the ${longestHeader} allowed`,
    );
  }
  const bytes = new Uint8Array(Number(length));
  if (!await readFull(file, bytes)) {
    throw new UserError(
      `${path} is truncated: its header takes ${8 + bytes.length} bytes and the file has ${size}; ${again}`,
    );
  }
  return parseHeader(bytes, size - 8 - bytes.length, path);
}

function parseHeader(bytes: Uint8Array, dataBytes: number, path: string): Header {
  const { __metadata__: metadata = {}, ...tensors } = parseObject(bytes, path);
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw new UserError(`The header of ${path} is malformed: "__metadata__" must hold texts; ${again}`);
  }
  const entries = Object.entries(tensors).map(([name, value]) => parseEntry(name, value, path));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkLayout(entries, dataBytes, path);
  return { metadata: metadata as Record<string, string>, entries };
}

function parseObject(bytes: Uint8Array, path: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    // Reported below, with every other text that is not an object.
  }
  if (isRecord(header)) return header;
  throw new UserError(
    `The header of ${path} is not a JSON object: the file is damaged or not a safetensors file`,
  );
}

function parseEntry(name: string, value: unknown, path: string): HeaderEntry {
  const { dtype, shape, data_offsets: offsets } = isRecord(value) ? value : {};
  if (typeof dtype !== "string" || !areSizes(shape) || !areSizes(offsets) || offsets.length !== 2) {
    throw new UserError(
      `The tensor "${name}" in ${path} is malformed: its header needs a dtype, a shape and two data_offsets; ${again}`,
    );
  }
  if (!Object.hasOwn(elementBytes, dtype)) {
    const known = Object.keys(elementBytes).join(", ");
    throw new UserError(
      `The tensor "${name}" in ${path} has the dtype ${dtype}, which cannot be read; save it as one of ${known}`,
    );
  }
  const entry = { name, dtype: dtype as Dtype, shape, begin: offsets[0], end: offsets[1] };
  const needed = elementCount(shape) * elementBytes[entry.dtype];
  if (entry.end - entry.begin !== needed) {
    throw new UserError(
      `The tensor "${name}" in ${path} takes ${
        entry.end - entry.begin
      } bytes, not the ${needed} of its shape ` +
        `${showShape(shape)} in ${dtype}; ${again}`,
    );
  }
  return entry;
}

function checkLayout(entries: HeaderEntry[], dataBytes: number, path: string): void {
  let previous = { name: "", end: 0 };
  for (const entry of entries) {
    if (entry.begin < previous.end) {
      throw new UserError(`The tensors "${previous.name}" and "${entry.name}" in ${path} overlap; ${again}`);
    }
    if (entry.begin > previous.end) {
      throw new UserError(
        `${path} has ${
          entry.begin - previous.end
        } bytes before the tensor "${entry.name}" that belong to none; ${again}`,
      );
    }
    if (entry.end > dataBytes) {
      throw new UserError(
        `${path} is truncated: the tensor "${entry.name}" runs ${
          entry.end - dataBytes
        } bytes past its end; ${again}`,
      );
    }
    previous = entry;
  }
  if (previous.end < dataBytes) {
    throw new UserError(
      `${path} has ${dataBytes - previous.end} bytes after its last tensor that belong to none; ${again}`,
    );
  }
}

/**
 * The bytes that open a safetensors file: the header's length and the header, padded with spaces so that the tensors start at a
 * multiple of 8 bytes.
 */
export function encodeHeader({ metadata, entries }: Header): Uint8Array {
  const named: [string, unknown][] = entries.map(({ name, dtype, shape, begin, end }) => [
    name,
    { dtype, shape, data_offsets: [begin, end] },
  ]);
  if (Object.keys(metadata).length > 0) named.unshift(["__metadata__", metadata]);
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(named)));
  const bytes = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(" ".charCodeAt(0));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(json, 8);
  return bytes;
}

/** The number of elements of a shape; 1 for a scalar's `[]`. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((count, size) => count * size, 1);
}

/** A shape as messages show it: `[60, 180]`. */
export function showShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** Whether a value parsed from JSON is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function areSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
