import { UserError } from "../../src/errors.ts";
import { atAGlance, drawGlance } from "./at_a_glance.ts";
import { withResults } from "./readme.ts";
import { readReports } from "./reports.ts";
import { readEntries } from "./reports_index.ts";
import { reportsPage } from "./reports_page.ts";
import { answersPage } from "./results_page.ts";

const root = `${import.meta.dirname}/../..`;

/** Writes the README's results, their picture and the list of reports again from the committed reports. */
async function writeResults(): Promise<void> {
  const readme = `${root}/README.md`;
  const reports = await readReports(root);
  await Deno.writeTextFile(readme, withResults(await Deno.readTextFile(readme), answersPage(reports)));
  const glance = atAGlance(reports);
  if (glance) await Deno.writeTextFile(`${root}/${glance.file}`, await drawGlance(glance));
  await Deno.writeTextFile(
    `${root}/reports/README.md`,
    reportsPage(reports, await readEntries(`${root}/reports`)),
  );
}

if (import.meta.main) {
  try {
    await writeResults();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    console.error(`Error: ${error.message}`);
    Deno.exit(1);
  }
}
