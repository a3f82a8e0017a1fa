import type { ProgramDescription } from "../gpu/builder.ts";

/** A program's kernels that exist in variants: of each the variants taken, and how many dispatches take them. */
export function kernelVariants(
  { dispatches }: Pick<ProgramDescription, "dispatches">,
): Record<string, string> {
  const several = dispatches.map(({ kernel }) => kernel).filter(({ variant }) => variant !== undefined);
  const told = [...Map.groupBy(several, ({ label }) => label)].map(([label, kernels]) => {
    const byVariant = [...Map.groupBy(kernels, ({ variant }) => variant)];
    return [label, byVariant.map(([variant, uses]) => `${variant} ×${uses.length}`).join(", ")];
  });
  return Object.fromEntries(told);
}
