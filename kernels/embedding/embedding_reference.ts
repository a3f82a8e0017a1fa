/** Plain float64 embeddings: a row of the word table by token id plus a row of the position table by place in the sequence. */

/**
 * x[b·sequence + t] = word[token] + position[t], or the word alone.
 *
 * @param tokens [batch·sequence] ids below the number of words
 * @param wordTable [vocab, cols]
 * @param positionTable [positions, cols] with positions ≥ sequence
 * @returns x [batch·sequence, cols]
 */
export function embeddingForward(
  tokens: Uint32Array,
  wordTable: Float64Array,
  positionTable: Float64Array | undefined,
  { batch, sequence, cols }: { batch: number; sequence: number; cols: number },
): Float64Array {
  const x = new Float64Array(batch * sequence * cols);
  for (let row = 0; row < batch * sequence; row++) {
    for (let col = 0; col < cols; col++) {
      x[row * cols + col] = wordTable[tokens[row] * cols + col] +
        (positionTable?.[(row % sequence) * cols + col] ?? 0);
    }
  }
  return x;
}

/**
 * Gradients of both tables: every row of `dx` is added to the row of its token and to the row of its position.
 *
 * @param dx [batch·sequence, cols]
 * @param tokens [batch·sequence]
 * @returns `dWord` [vocab, cols] and `dPosition` [positions, cols]; rows that nothing reads stay 0
 */
export function embeddingBackward(
  dx: Float64Array,
  tokens: Uint32Array,
  { batch, sequence, cols, vocab, positions }: {
    batch: number;
    sequence: number;
    cols: number;
    vocab: number;
    positions: number;
  },
): { dWord: Float64Array; dPosition: Float64Array } {
  const dWord = new Float64Array(vocab * cols);
  const dPosition = new Float64Array(positions * cols);
  for (let row = 0; row < batch * sequence; row++) {
    for (let col = 0; col < cols; col++) {
      dWord[tokens[row] * cols + col] += dx[row * cols + col];
      dPosition[(row % sequence) * cols + col] += dx[row * cols + col];
    }
  }
  return { dWord, dPosition };
}
