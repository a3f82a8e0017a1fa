import type { ProgramDescription } from "../gpu/builder.ts";

/** Labels of a program's kernels that exist in variants, and how many dispatches use each. */
export function kernelVariants(
  { dispatches }: Pick<ProgramDescription, "dispatches">,
): Record<string, string> {
  const counts = new Map<string, number>();
  for (const { kernel: { label } } of dispatches) {
    if (label.includes(" ")) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  const variants: Record<string, string> = {};
  for (const [label, count] of counts) {
    const [kernel, variant] = label.split(" ");
    variants[kernel] = [variants[kernel], `${variant} ×${count}`].filter(Boolean).join(", ");
  }
  return variants;
}
