import { type AdapterReport, folderSlug } from "../../src/adapter/adapter.ts";
import { printJson } from "../../src/text/print_json.ts";
import { unusual } from "../../src/train/step_choices.ts";
import { profileStep, renderProfile } from "../kernels/step_profile.ts";
import { summarizeTimes } from "../kernels/times_summary.ts";
import { describeRun } from "../machine/run.ts";
import { createReportFolder } from "../report/report_folder.ts";
import type { CellConfiguration } from "../results/results.ts";
import { ResultsFile } from "../results/results_file.ts";
import type { TimesHeader } from "../results/run_header.ts";
import type { TrainingData } from "../training/data.ts";
import { writeFiles } from "./render.ts";

/** Profiles a step of each cell, prints the tables and leaves them with the raw times. Returns the exit code. */
export async function profileSteps(
  cells: readonly CellConfiguration[],
  dataOf: (cell: CellConfiguration) => TrainingData,
  { out, json, requireGpu }: {
    readonly out?: string;
    readonly json: boolean;
    readonly requireGpu: boolean;
  },
  adapter: AdapterReport,
  started: Date,
): Promise<number> {
  const folder = await createReportFolder(out, `${folderSlug(adapter)}-profile`, started);
  const header: TimesHeader = {
    ...await describeRun(adapter, started),
    kind: "profile",
    ...unusual(cells[0] ?? {}),
  };
  const results = await ResultsFile.create(folder.results, header);
  for (const cell of cells.filter(({ round }) => round === 0)) {
    const profile = await profileStep(cell, dataOf(cell), { requireGpu });
    await results.append(profile);
    await writeFiles(folder.path, results.text);
    if (!json) console.log(`\n${renderProfile(profile)}`);
  }
  results.close();
  if (json) printJson(summarizeTimes(folder.path, results.text));
  else console.log(`\nThe profile is in ${folder.path}`);
  return 0;
}
