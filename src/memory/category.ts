/** What a piece of GPU memory is for. Tables of memory are split this way. */
export const categories = [
  "parameters",
  "gradients",
  "optimizer",
  "saved",
  "inputs",
  "ranges",
  "transient",
  "head",
  "control",
] as const;

/**
 * - `parameters`, `gradients`, `optimizer`: weights, their gradients, the two Adam moments;
 * - `saved`: activations kept from forward to backward, as their policy stores them (blocks and final LayerNorm);
 * - `inputs`: the inputs of blocks, kept instead of all that where backward makes blocks again;
 * - `ranges`: range estimates and the per-channel tables of quantized tensors;
 * - `transient`: what lives inside one pass (residual stream, gradients of activations, partial sums);
 * - `head`: logits and their gradient, token ids, losses;
 * - `control`: uniforms, the block that changes from step to step, readback, and what is staged between ranks.
 */
export type Category = typeof categories[number];

/** What tables call a category. */
export const categoryName = (category: Category) => category === "inputs" ? "block inputs" : category;

/** Bytes for each category, all zero. */
export function noBytes(): Record<Category, number> {
  return Object.fromEntries(categories.map((c) => [c, 0])) as Record<Category, number>;
}
