import { UserError } from "../errors.ts";

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
