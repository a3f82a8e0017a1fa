/** The equal parts of a tensor along its first axis. */
export function split<T extends Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(
  data: T,
  parts: number,
): T[] {
  const size = data.length / parts;
  return Array.from({ length: parts }, (_, i) => data.slice(i * size, (i + 1) * size) as T);
}
