/** Plain float64 patch embedding of a vision Transformer (Dosovitskiy et al., arXiv 2010.11929), with a class token in front. */

/** Images of a batch and the squares they are cut into: sides in pixels. */
interface Shape {
  batch: number;
  image: number;
  patch: number;
}

/**
 * The rows that the projection multiplies: zero for a class token, then an image's patches in row-major order, column
 * channel·P² + y·P + x. Bytes are read as byte·(2/255) − 1.
 *
 * @param images [batch, 3, image, image]
 * @returns [batch·T, 3·patch²], T = (image/patch)² + 1
 */
export function patches(images: Uint8Array | Float32Array, { batch, image, patch }: Shape): Float64Array {
  const across = image / patch;
  const tokens = across ** 2 + 1;
  const cols = 3 * patch ** 2;
  const out = new Float64Array(batch * tokens * cols);
  const pixel = (b: number, channel: number, y: number, x: number) => {
    const value = images[((b * 3 + channel) * image + y) * image + x];
    return images instanceof Uint8Array ? value * 2 / 255 - 1 : value;
  };
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < across ** 2; i++) {
      const [top, left] = [Math.floor(i / across) * patch, (i % across) * patch];
      for (let col = 0; col < cols; col++) {
        const [channel, y] = [Math.floor(col / patch ** 2), Math.floor(col / patch) % patch];
        out[(b * tokens + 1 + i) * cols + col] = pixel(b, channel, top + y, left + col % patch);
      }
    }
  }
  return out;
}

/**
 * x[b·tokens + t] = positions[t] + (t = 0 ? classToken : bias): the embedding but for the projected patches.
 *
 * @param positions [tokens, cols]
 * @param classToken [cols]
 * @param bias [cols]
 * @returns [batch·tokens, cols]
 */
export function patchEmbeddingStart(
  positions: Float64Array,
  classToken: Float64Array,
  bias: Float64Array,
  batch: number,
): Float64Array {
  const cols = bias.length;
  return Float64Array.from({ length: batch * positions.length }, (_, i) => {
    const at = i % positions.length;
    return positions[at] + (at < cols ? classToken : bias)[at % cols];
  });
}

/**
 * Gradients of the class token and of the bias from that of the positions, which is the sum of dx over images.
 *
 * @param dPositions [tokens, cols]
 * @returns `dClassToken` [cols], `dBias` [cols]
 */
export function patchEmbeddingBackward(
  dPositions: Float64Array,
  cols: number,
): { dClassToken: Float64Array; dBias: Float64Array } {
  const dBias = new Float64Array(cols);
  for (let i = cols; i < dPositions.length; i++) dBias[i % cols] += dPositions[i];
  return { dClassToken: dPositions.slice(0, cols), dBias };
}
