import { type BuilderOptions, ProgramBuilder, type ProgramDescription } from "./builder.ts";

/** How a program is described: under its name, for such a device, of what `record` asks a builder for. */
export type Describe = (
  name: string,
  options: BuilderOptions,
  record: (builder: ProgramBuilder) => void,
) => ProgramDescription;

const recorded = (...[name, options, record]: Parameters<Describe>) => {
  const builder = new ProgramBuilder(name, options);
  record(builder);
  return builder;
};

const byTables = (options: BuilderOptions): BuilderOptions => ({ ...options, variants: {}, keepAll: false });

/** Records a program by the kernels' tables, with nothing written out for speed: its live peak is what `describeWithinPeak` keeps to. */
export const describeByTables: Describe = (name, options, record) =>
  recorded(name, byTables(options), record).build();

/** Records a program with nothing taken for speed alone, partial sums of products neither: with no smaller live peak can it be had. */
export const describeLeanest: Describe = (name, options, record) =>
  recorded(name, { ...byTables(options), spare: () => 0 }, record).build();

/**
 * Records a program so that nothing taken for speed raises the live peak that it has without: what is written out to be read faster, and
 * variants that are set. Who wants memory asks how much is spare, and a first recording, by the kernels' tables alone, tells what lies below
 * the peak there. Under `keepAll` the choices are the same.
 */
export const describeWithinPeak: Describe = (name, options, record) => {
  const settled = Object.keys(options.variants ?? {}).length === 0 && options.adapterClass === "software";
  if (settled) return recorded(name, options, record).build();
  const spare = recorded(name, byTables(options), record).spareWhereAsked();
  return recorded(name, { ...options, spare: (asked) => spare[asked] }, record).build();
};
