/** Plain float64 softmax cross-entropy in nats, with PyTorch's convention that a target of −100 counts nowhere. */

/** The target that takes a row out of the loss. */
export const ignoredTarget = -100;

/**
 * loss[row] = log Σ exp(logits) − label·logits; dLogits = (softmax(logits) − label) / validCount, where label is the one-hot target, or
 * (1 − ε)·onehot + ε/vocab with label smoothing ε (Szegedy et al., arXiv 1512.00567). Rows whose target is −100 have loss 0 and gradient 0.
 * The mean is over valid rows; without any valid row it is 0.
 *
 * @param logits [rows, vocab]
 * @param targets [rows]
 * @param smoothing ε
 * @returns `losses` [rows], `dLogits` [rows, vocab] of the mean loss, `validCount`, `meanLoss`
 */
export function crossEntropy(
  logits: Float64Array,
  targets: Int32Array,
  rows: number,
  vocab: number,
  smoothing = 0,
): { losses: Float64Array; dLogits: Float64Array; validCount: number; meanLoss: number } {
  const losses = new Float64Array(rows);
  const dLogits = new Float64Array(rows * vocab);
  const validCount = targets.filter((target) => target !== ignoredTarget).length;
  for (let row = 0; row < rows; row++) {
    const target = targets[row];
    if (target === ignoredTarget) continue;
    const values = logits.subarray(row * vocab, (row + 1) * vocab);
    const maximum = values.reduce((a, b) => Math.max(a, b));
    const logSumExp = maximum + Math.log(values.reduce((sum, value) => sum + Math.exp(value - maximum), 0));
    for (let word = 0; word < vocab; word++) {
      const label = (word === target ? 1 - smoothing : 0) + smoothing / vocab;
      if (label > 0) losses[row] += label * (logSumExp - values[word]);
      dLogits[row * vocab + word] = (Math.exp(values[word] - logSumExp) - label) / validCount;
    }
  }
  const meanLoss = losses.reduce((sum, loss) => sum + loss, 0) / Math.max(validCount, 1);
  return { losses, dLogits, validCount, meanLoss };
}
