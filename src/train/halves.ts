import type { Dtype } from "../gpu/tensor.ts";
import { fromBf16, fromF16 } from "../io/halves.ts";

/** Numbers as a tensor of that dtype holds them: f32, or rounded to the nearest bf16 or f16. An even count, where halves make words. */
export function encode(values: Float32Array<ArrayBuffer>, dtype: Dtype): ArrayBufferView<ArrayBuffer> {
  switch (dtype) {
    case "f16":
      return Float16Array.from(values);
    case "bf16": {
      const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
      return Uint16Array.from(bits, bf16Of);
    }
    default:
      return values;
  }
}

/** The nearest bf16's bits to an f32's; of what is no number those of none, for what rounds would carry into its sign. */
const bf16Of = (bits: number): number =>
  (bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;

/** The numbers that the bytes of a tensor of that dtype hold. */
export function decode(bytes: ArrayBuffer, dtype: Dtype): Float32Array<ArrayBuffer> {
  switch (dtype) {
    case "f16":
      return fromF16(bytes);
    case "bf16":
      return fromBf16(bytes);
    default:
      return new Float32Array(bytes);
  }
}
