/** Labelled images, square, of three channels of bytes: red, green, blue. */
export interface ImageSet {
  count: number;
  /** The class of an image, from 0. */
  label(index: number): number;
  /** Writes an image's 3·size·size bytes, channel by channel and row by row, to `out` from position `at` onwards. */
  write(index: number, out: Uint8Array<ArrayBuffer>, at: number): void;
}
