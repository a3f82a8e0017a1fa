import { UserError } from "../errors.ts";
import type { ProgramDescription, Variants } from "../gpu/builder.ts";
import type { Arithmetic } from "../gpu/arithmetic.ts";
import type { Gpu } from "../gpu/device.ts";
import { tune } from "./tune.ts";
import { readVariants } from "./variants_file.ts";

/** Where the variants of kernels come from. */
export interface VariantOptions {
  /** What products compute in: f32 by default. */
  readonly arithmetic?: Arithmetic;
  /** A file that sets them, instead of a tuning run. */
  readonly variants?: string;
  /** Leaves all to the table. */
  readonly noTune: boolean;
}

/**
 * The variants that each of some programs shall take, of those that its kernels ask for: what a file names, else the fastest on this
 * adapter, measured now or earlier. `programs` describe themselves with given variants. Throws a UserError for a file that names none of
 * their kernels, or names a variant that this adapter does not have.
 */
export async function tunedVariants(
  gpu: Gpu,
  programs: readonly ((variants?: Variants) => ProgramDescription)[],
  { variants: path, noTune, arithmetic }: VariantOptions,
): Promise<Variants[]> {
  if (path) return variantsOfFile(path, programs);
  const asked = programs.map((describe) => Object.keys(describe().variants));
  const all = noTune ? {} : await tune(gpu, asked.flat(), arithmetic);
  return asked.map((keys) => pick(all, keys));
}

/** The variants that a file sets for each of some programs. Throws a UserError as {@linkcode tunedVariants} does. */
export function variantsOfFile(
  path: string,
  programs: readonly ((variants: Variants) => ProgramDescription)[],
): Variants[] {
  const given = readVariants(path);
  const own = programs.map((describe) => pick(given, Object.keys(describe(given).variants)));
  if (own.some((variants) => Object.keys(variants).length > 0)) return own;
  throw new UserError(
    `${path} names no kernel of this run; give the file of one with the same models and sizes`,
  );
}

function pick(all: Variants, keys: readonly string[]): Variants {
  return Object.fromEntries(keys.filter((key) => key in all).map((key) => [key, all[key]]));
}
