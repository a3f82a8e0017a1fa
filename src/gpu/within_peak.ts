import { type BuilderOptions, ProgramBuilder, type ProgramDescription } from "./builder.ts";

/**
 * Records a program so that nothing taken for speed raises the live peak that it has without: what is written out to be read faster, and
 * variants that are set. Who wants memory asks how much is spare, and a first recording, by the kernels' tables alone, tells what lies below
 * the peak there. Under `keepAll` the choices are the same.
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
  const settled = Object.keys(options.variants ?? {}).length === 0 && options.adapterClass === "software";
  if (settled) return recorded({}).build();
  const spare = recorded({ variants: {}, keepAll: false }).spareWhereAsked();
  return recorded({ spare: (asked) => spare[asked] }).build();
}
