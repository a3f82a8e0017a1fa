import { z } from "zod";
import { UserError } from "../../errors.ts";
import { must } from "../../json_document.ts";

/** A number of things, at least one. */
export const count = z.int(must("a positive whole number")).positive(must("a positive whole number"));

/** The sizes that every Transformer has. */
export const transformerSizes = {
  layers: count.describe("blocks"),
  width: count.describe("channels, C"),
  heads: count.describe("attention heads, which divide the channels"),
};

/** What a LayerNorm adds to the variance. */
export const layerNormEpsilon = z.number(must("a positive number")).positive(must("a positive number"))
  .describe("what LayerNorms add to the variance");

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
