import { type BuilderOptions, ProgramBuilder, type ProgramDescription } from "./builder.ts";

/**
 * Records a program whose kernels take memory for speed only below the peak that the program has anyway, so that no choice of variants
 * raises it. It is recorded twice: first without such memory, which tells how much is spare where a kernel asks.
 */
export function describeWithinPeak(
  name: string,
  options: BuilderOptions,
  record: (builder: ProgramBuilder) => void,
): ProgramDescription {
  const frugal = new ProgramBuilder(name, { ...options, spare: () => 0 });
  record(frugal);
  const spare = frugal.spareWhereAsked();
  if (spare.length === 0) return frugal.build();
  const builder = new ProgramBuilder(name, { ...options, spare: (asked) => spare[asked] });
  record(builder);
  return builder.build();
}
