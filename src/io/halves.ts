/** The numbers of 16-bit formats, which every machine that Deno runs on has in the order of files and of GPUs: little-endian. */

/** IEEE half precision as f32. */
export const fromF16 = (bytes: ArrayBuffer): Float32Array<ArrayBuffer> =>
  new Float32Array(new Float16Array(bytes));

/** bf16, the upper half of an f32, as f32. */
export function fromBf16(bytes: ArrayBuffer): Float32Array<ArrayBuffer> {
  const words = new Uint32Array(new Uint16Array(bytes));
  for (let i = 0; i < words.length; i++) words[i] <<= 16;
  return new Float32Array(words.buffer);
}
