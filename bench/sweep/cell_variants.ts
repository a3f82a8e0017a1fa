import type { AdapterReport } from "../../src/adapter/adapter.ts";
import { type BuilderOptions, builderOptionsFor, type Variants } from "../../src/gpu/builder.ts";
import { withGpu } from "../../src/gpu/device.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { unusual } from "../../src/train/step_choices.ts";
import { otherVariants } from "../../src/tuning/other_variants.ts";
import { tunedVariants, type VariantOptions } from "../../src/tuning/tuned_variants.ts";
import type { CellConfiguration } from "../results/results.ts";
import type { TrainingData } from "../training/data.ts";
import { trainOptions } from "./cell.ts";

/** Sets the variants of each cell's kernels, as `tunedVariants` chooses them. */
export async function withVariants(
  cells: readonly CellConfiguration[],
  dataOf: (cell: CellConfiguration) => TrainingData,
  adapter: Pick<AdapterReport, "class">,
  options: VariantOptions & { readonly requireGpu: boolean },
): Promise<CellConfiguration[]> {
  // A software adapter has one variant of each kernel.
  const unset = !options.variants && (options.noTune || adapter.class === "software");
  if (unset || cells.length === 0) return [...cells];
  return await withGpu(options, async (gpu) => {
    const builder = builderOptionsFor(gpu);
    const keyOf = ({ model, sequence, batch, storage, ...cell }: CellConfiguration) =>
      JSON.stringify([model, sequence, batch, storage, unusual(cell)]);
    const distinct = new Map(cells.map((cell) => [keyOf(cell), cell]));
    const byKey = new Map<string, Variants>();
    for (const [arithmetic, alike] of Map.groupBy(distinct, ([, cell]) => cell.arithmetic)) {
      const programs = alike.map(([, cell]) => (variants?: Variants) =>
        describeStep({ ...trainOptions(cell, dataOf(cell)), variants }, builder)
      );
      const chosen = await tunedVariants(gpu, programs, { ...options, arithmetic });
      alike.forEach(([key], i) => byKey.set(key, chosen[i]));
    }
    return cells.map((cell) => {
      const variants = byKey.get(keyOf(cell))!;
      return Object.keys(variants).length > 0 ? { ...cell, variants } : cell;
    });
  });
}

/** Gives the cells that are to run by other kernels, for this adapter, other variants than those that they would take. */
export function withOtherVariants(
  cells: readonly CellConfiguration[],
  dataOf: (cell: CellConfiguration) => TrainingData,
  builder: BuilderOptions,
): CellConfiguration[] {
  return cells.map((cell) => {
    if (cell.kernels !== "other") return cell;
    const { variants } = describeStep(trainOptions(cell, dataOf(cell)), builder);
    return { ...cell, variants: otherVariants(variants, builder) };
  });
}
