import { UserError } from "../../src/errors.ts";
import { withResults } from "./readme.ts";
import { readReports } from "./reports.ts";
import { resultsPage } from "./results_page.ts";

const root = `${import.meta.dirname}/../..`;

/** Writes the README's results again from the committed reports. */
async function writeResults(): Promise<void> {
  const readme = `${root}/README.md`;
  const text = await Deno.readTextFile(readme);
  await Deno.writeTextFile(readme, withResults(text, resultsPage(await readReports(root))));
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
