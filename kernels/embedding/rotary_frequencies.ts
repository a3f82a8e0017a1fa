/** How Llama 3.1 and 3.2 stretch their rotary positions beyond the length they were first trained at. */
export interface RotaryScaling {
  /** By what slow frequencies are divided. */
  readonly factor: number;
  /** Frequencies that turn fewer times than this in `positions` tokens are slow; those that turn more often than `fast` stay. */
  readonly slow: number;
  readonly fast: number;
  readonly positions: number;
}

/**
 * Radians a position for each pair of a head's channels: base^(−2i/headSize); scaled as Llama 3 does, slow ones divided by the factor, and in
 * between in proportion to how often they turn.
 */
export function rotaryFrequencies(
  { headSize, base, scaling }: { headSize: number; base: number; scaling?: RotaryScaling | null },
): number[] {
  const frequencies = Array.from({ length: headSize / 2 }, (_, i) => base ** (-2 * i / headSize));
  if (!scaling) return frequencies;
  const { factor, slow, fast, positions } = scaling;
  return frequencies.map((frequency) => {
    const turns = positions * frequency / (2 * Math.PI);
    const kept = Math.max(0, Math.min(1, (turns - slow) / (fast - slow)));
    return frequency * (kept + (1 - kept) / factor);
  });
}
