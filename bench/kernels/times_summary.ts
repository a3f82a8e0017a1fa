/** What `bench kernels --json` and `bench --profile-step --json` print: the lines of their results, and where those are. */

import { z } from "zod";
import { parseTimes } from "../results/read_results.ts";
import { timesHeader } from "../results/run_header.ts";
import { type KernelTime, kernelTime } from "./kernel_report.ts";
import { type StepProfile, stepProfile } from "./step_profile.ts";

export const timesSummary = z.object({
  ...timesHeader.omit({ schema: true, sources: true }).shape,
  folder: z.string().describe("where the report lies"),
  times: z.array(kernelTime).describe("kernels alone"),
  steps: z.array(stepProfile).describe("dispatches of steps"),
}).meta({ title: "What bench timed", description: "Kernels alone, or the dispatches of steps" });

export type TimesSummary = z.infer<typeof timesSummary>;

/** The summary of times that lie in a folder, from their text. Throws a UserError if the results are not whole. */
export function summarizeTimes(folder: string, text: string): TimesSummary {
  const { header: { schema: _, sources: __, ...header }, lines } = parseTimes<KernelTime | StepProfile>(text);
  return {
    ...header,
    folder,
    times: lines.filter((line) => "milliseconds" in line),
    steps: lines.filter((line) => "configuration" in line),
  };
}
