/** The record of one cell in one round, with all that it is made of. */

import { z } from "zod";
import { architectureSchema } from "../../src/models/model_document.ts";
import { configuration } from "./cell_configuration.ts";
import { dataReport } from "./data_report.ts";
import { environment } from "./environment.ts";
import { measurement } from "./measurement.ts";

export * from "./cell_configuration.ts";
export * from "./child_answer.ts";
export * from "./data_report.ts";
export * from "./environment.ts";
export * from "./measurement.ts";

/** Version of the record. It grows when a field changes its meaning or goes; new optional fields do not count. */
export const schemaVersion = 3;

/** A line of `results.jsonl`: one cell in one round, self-describing. */
export const cellRecord = z.object({
  schema: z.literal(schemaVersion),
  started: z.iso.datetime(),
  seconds: z.number().nonnegative().describe(
    "wall clock of the cell: its plan, its process, and those that were repeated",
  ),
  configuration,
  architecture: architectureSchema.describe("what the model's name stands for"),
  environment,
  data: dataReport,
  ...measurement.shape,
}).meta({ title: "Headroom cell record" });

export type CellRecord = z.infer<typeof cellRecord>;

/** The cells of a run whose variants one file can tell: but of those that were to take others, or compute in another arithmetic than the first. */
export const withUsualKernels = (records: readonly CellRecord[]): CellRecord[] =>
  records.filter(({ configuration: { kernels, arithmetic } }) =>
    kernels !== "other" && arithmetic === records[0].configuration.arithmetic
  );

/** All variants of kernels that these cells of a run took, set or not. */
export const variantsOf = (records: readonly CellRecord[]): Record<string, string> =>
  Object.assign({}, ...withUsualKernels(records).map(({ program }) => program?.variants ?? {}));
