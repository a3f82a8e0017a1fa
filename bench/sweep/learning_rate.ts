/** How much larger a step is than the one that a learning rate is of: its batch, and its model's width, as multiples. Depth changes nothing. */
export interface Growth {
  readonly batch: number;
  readonly width: number;
}

/**
 * The highest learning rate of AdamW for a step that memory was re-invested in, of the rate for the step that gave it. One rule for every
 * policy, and no rate is searched for:
 *
 * - × √(batch ratio): the noise of Adam's updates stays what it was (Malladi et al., On the SDEs and Scaling Rules for Adaptive Gradient
 *   Algorithms, 2022, arXiv 2205.10287; their change of the betas, of use where a batch grows manyfold, is left out);
 * - ÷ width ratio: what an update of a hidden matrix does to its outputs stays what it was (Yang et al., Tensor Programs V, 2022, arXiv
 *   2203.03466; theirs alone, here all parameters, so that there is one rate);
 * - whatever the depth: matrices that write to the residual stream begin divided by √(2 · layers), so that the stream does not grow.
 */
export const grownRate = (rate: number, { batch, width }: Growth): number => rate * Math.sqrt(batch) / width;

/** The rule in words, as reports tell it. */
export const rateRule =
  "The learning rate is multiplied by √(batch ratio) (arXiv 2205.10287), divided by the width ratio (arXiv 2203.03466), and stays the same " +
  "where only the depth grows, whose residual branches begin smaller; one rule for all policies, and no rate was searched for. `exact` with gradients added up over micro-batches, which is a larger batch in its " +
  "memory too, is none of the ways.";
