import { renderReport, type Run } from "./report.ts";
import { type CellRecord, variantsOf } from "../results/results.ts";
import { variantsFile } from "../../src/tuning/variants_file.ts";

/** Leaves the report and its pictures in the folder of the records. */
export async function writeReport(
  path: string,
  records: CellRecord[],
  run: Omit<Run, "charts">,
): Promise<void> {
  const { drawCharts } = await import("./chart.ts"); // loads Vega, which nothing else needs
  const charts = await drawCharts(records);
  for (const { file, svg } of charts) await Deno.writeTextFile(`${path}/${file}`, svg);
  const variants = variantsOf(records);
  if (Object.keys(variants).length > 0) {
    await Deno.writeTextFile(`${path}/${variantsFile}`, JSON.stringify(variants, null, 2) + "\n");
  }
  await Deno.writeTextFile(`${path}/report.md`, renderReport(records, { ...run, charts }));
}
