import { UserError } from "../errors.ts";

/** An array of bytes, of any number of dimensions. */
export interface IdxArray {
  readonly shape: readonly number[];
  readonly values: Uint8Array<ArrayBuffer>;
}

/** What says that elements are bytes without a sign: MNIST's kind has no other. */
const unsignedBytes = 0x08;

/**
 * Reads an IDX file, in which MNIST and its kin are kept: two zero bytes, the type of an element, the number of dimensions, each of these as
 * a big-endian 32-bit word, then the elements, the last dimension running fastest.
 * Source: Y. LeCun, C. Cortes and C. Burges, "The MNIST database", section "File formats".
 *
 * Throws a `UserError` that names `source` for another format, other elements than bytes, another number of dimensions, and too few or too
 * many elements.
 */
export function parseIdx(bytes: Uint8Array<ArrayBuffer>, dimensions: number, source: string): IdxArray {
  const copyAgain = "it is truncated or of another format; copy it again";
  const header = 4 + 4 * dimensions;
  if (bytes.length < header) {
    throw new UserError(`${source} has ${bytes.length} bytes of an IDX header of ${header}: ${copyAgain}`);
  }
  const [first, second, type, found] = bytes;
  if (first !== 0 || second !== 0 || type !== unsignedBytes || found !== dimensions) {
    const magic = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const wanted = `00 00 08 ${dimensions.toString(16).padStart(2, "0")}`;
    throw new UserError(`${source} begins with ${magic}, not ${wanted} as IDX does: ${copyAgain}`);
  }
  const words = new DataView(bytes.buffer, bytes.byteOffset, header);
  const shape = Array.from({ length: dimensions }, (_, i) => words.getUint32(4 + 4 * i));
  const count = shape.reduce((product, size) => product * size, 1);
  if (bytes.length - header !== count) {
    throw new UserError(
      `${source} holds ${bytes.length - header} bytes where its header says ${
        shape.join(" × ")
      }: ${copyAgain}`,
    );
  }
  return { shape, values: bytes.subarray(header) };
}
