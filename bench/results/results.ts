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
  seconds: z.number().nonnegative().describe("wall clock of the child process"),
  configuration,
  architecture: architectureSchema.describe("what the model's name stands for"),
  environment,
  data: dataReport,
  ...measurement.shape,
}).meta({ title: "Headroom cell record" });

export type CellRecord = z.infer<typeof cellRecord>;

/** All variants of kernels that the cells of a run took, set or not; but of those that were to take others, or to compute in another arithmetic. */
export function variantsOf(records: readonly CellRecord[]): Record<string, string> {
  const usual = records.filter(({ configuration: { kernels, arithmetic } }) =>
    kernels !== "other" && arithmetic === records[0].configuration.arithmetic
  );
  return Object.assign({}, ...usual.map(({ program }) => program?.variants ?? {}));
}
