import { type BuilderOptions, ProgramBuilder, type ProgramDescription } from "./builder.ts";

/**
 * Records a program so that no variants that are set raise the live peak that it has without: a kernel that takes memory for speed asks how
 * much is spare, and a first recording, by the kernels' tables alone, tells what lies below the peak there.
 */
export function describeWithinPeak(
  name: string,
  options: BuilderOptions,
  record: (builder: ProgramBuilder) => void,
): ProgramDescription {
  const byTable = new ProgramBuilder(name, { ...options, variants: {} });
  record(byTable);
  if (Object.keys(options.variants ?? {}).length === 0) return byTable.build();
  const spare = byTable.spareWhereAsked();
  const builder = new ProgramBuilder(name, { ...options, spare: (asked) => spare[asked] });
  record(builder);
  return builder.build();
}
