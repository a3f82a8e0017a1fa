import { UserError } from "../../src/errors.ts";
import type { AdapterReport } from "../../src/adapter/adapter.ts";
import { builderOptionsFor, type Variants } from "../../src/gpu/builder.ts";
import { openGpu } from "../../src/gpu/device.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { trainOptions } from "./cell.ts";
import type { TrainingData } from "../training/data.ts";
import type { CellConfiguration } from "../results/results.ts";
import { tune } from "../../src/tuning/tune.ts";
import { readVariants } from "../../src/tuning/variants_file.ts";

/** Where a sweep's variants come from. */
export interface VariantOptions {
  /** A file that sets them, instead of a tuning run. */
  readonly variants?: string;
  /** Leaves all to the table. */
  readonly noTune: boolean;
  readonly requireGpu: boolean;
}

/**
 * Sets the variants of each cell's kernels: those that a file names, else the fastest ones, as measured on a GPU now or earlier. Throws a
 * UserError for a file that names none of the sweep's kernels, or names a variant that this adapter does not have.
 */
export async function withVariants(
  cells: readonly CellConfiguration[],
  dataOf: (cell: CellConfiguration) => TrainingData,
  adapter: Pick<AdapterReport, "class">,
  { variants: path, noTune, requireGpu }: VariantOptions,
): Promise<CellConfiguration[]> {
  // A software adapter has one variant of each kernel.
  if (!path && (noTune || adapter.class === "software")) return [...cells];
  const given = path ? await readVariants(path) : undefined;
  const gpu = await openGpu({ requireGpu });
  try {
    const builder = builderOptionsFor(gpu);
    const asked = new Map<string, string[]>();
    const keyOf = ({ model, sequence, batch, storage }: CellConfiguration) =>
      JSON.stringify([model, sequence, batch, storage]);
    for (const cell of cells) {
      if (asked.has(keyOf(cell))) continue;
      const options = { ...trainOptions(cell, dataOf(cell)), variants: given };
      asked.set(keyOf(cell), Object.keys(describeStep(options, builder).variants));
    }
    const all = given ?? await tune(gpu, [...asked.values()].flat());
    const withOwn = cells.map((cell) => {
      const variants = pick(all, asked.get(keyOf(cell))!);
      return Object.keys(variants).length > 0 ? { ...cell, variants } : cell;
    });
    if (path && withOwn.every(({ variants }) => !variants)) {
      throw new UserError(`${path} names no kernel of this sweep; give the file of one with the same cells`);
    }
    return withOwn;
  } finally {
    gpu.destroy();
  }
}

function pick(all: Variants, keys: readonly string[]): Variants {
  return Object.fromEntries(keys.filter((key) => key in all).map((key) => [key, all[key]]));
}
