import { type BuilderOptions, ProgramBuilder, type ProgramDescription } from "./builder.ts";

/**
 * Records a program so that no variants that are set raise the live peak that it has without: a kernel that takes memory for speed asks how
 * much is spare, and a first recording, by the kernels' tables alone, tells what lies below the peak there. Under
 * `keepAll` the choices are the same.
 */
export function describeWithinPeak(
  name: string,
  options: BuilderOptions,
  record: (builder: ProgramBuilder) => void,
): ProgramDescription {
  const recorded = (given: Partial<BuilderOptions>) => {
    const builder = new ProgramBuilder(name, { ...options, ...given });
    record(builder);
    return builder;
  };
  if (Object.keys(options.variants ?? {}).length === 0) return recorded({}).build();
  const spare = recorded({ variants: {}, keepAll: false }).spareWhereAsked();
  return recorded({ spare: (asked) => spare[asked] }).build();
}
