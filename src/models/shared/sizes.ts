import { z } from "zod";
import { UserError } from "../../errors.ts";
import { must } from "../../json_document.ts";

/** A number of things, at least one. */
export const count = z.int(must("a positive whole number")).positive(must("a positive whole number"));

/** Planning a step takes time with every block, and beyond these more than with all before; GPT-3 has 96. */
export const mostLayers = 256;
const layers = must(`a whole number from 1 to ${mostLayers}`);

/** The sizes that every Transformer has. */
export const transformerSizes = {
  layers: z.int(layers).min(1, layers).max(mostLayers, layers).describe("blocks"),
  width: count.describe("channels, C"),
  heads: count.describe("attention heads, which divide the channels"),
};

/** What a norm adds to the variance: kernels hold it in f32. */
const epsilon = must("a number from 1e-30 to 1");
export const normEpsilon = z.number(epsilon).min(1e-30, epsilon).max(1, epsilon);
export const layerNormEpsilon = normEpsilon.describe("what LayerNorms add to the variance");

/** Throws a UserError if the sequence does not fit a language model's positions. */
export function checkPositions(
  { name, positions }: { name: string; positions: number },
  sequence: number,
): void {
  if (sequence <= positions) return;
  throw new UserError(
    `Sequence length ${sequence} exceeds the ${positions} positions of model "${name}"; ` +
      `use --sequence ${positions} or less, or a document of the model with more positions`,
  );
}

/** Throws a UserError if the heads do not divide the channels, or are wider than the kernels of attention take. */
export function checkHeads({ name, width, heads }: { name: string; width: number; heads: number }): void {
  if (width % heads !== 0) {
    throw new UserError(
      `Model "${name}": ${heads} heads do not divide ${width} channels; give a number of heads that does`,
    );
  }
  if (width / heads > 128) {
    throw new UserError(
      `Model "${name}": heads of ${width / heads} channels are wider than the 128 supported; give more heads`,
    );
  }
}
