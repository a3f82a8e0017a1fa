/**
 * Standard deviation of initial weights: GPT-2's 0.02 (Radford et al. 2019) at the width it was made for, 768, and in proportion to
 * 1/√width elsewhere, so that every width begins with scores and logits of the same size. At 0.02 a narrow model's attention begins so
 * flat that some hundred steps pass before it learns to look anywhere.
 */
export const deviation = (width: number) => 0.02 * Math.sqrt(768 / width);
