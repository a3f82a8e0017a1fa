import { argument, command, message, metavar, multiple, object } from "@optique/core";
import { UserError } from "../../src/errors.ts";
import { replaceText } from "../../src/io/files.ts";
import { file, folder, maybe } from "../options/options.ts";
import { renderPage } from "../page/page.ts";
import type { Source } from "../page/points.ts";
import { answers } from "../report/answers.ts";
import { compare } from "../report/cell_rounds.ts";
import { sections } from "../report/report.ts";
import { printable } from "../report/terminal.ts";
import { kindOf, parseSweep, readResultsText } from "../results/read_results.ts";

const options = object({
  folders: multiple(argument(folder, { description: message`Folders of sweeps` }), {
    min: 1,
    errors: { tooFew: message`Expected a ${metavar("FOLDER")}: give a report's` },
  }),
  html: maybe("--html", file, message`Write all of them as one page for a browser, which needs nothing else`),
});
const brief = message`Show the reports of sweeps: in the terminal, or as one page`;

export const report = command("report", options, { brief }).map(({ folders, html }) => async () => {
  const sources = await Promise.all([...new Set(folders.map(trimmed))].map(readSource));
  if (html !== undefined) {
    await replaceText(html, await renderPage(sources));
    console.log(`Written: ${html}`);
    return 0;
  }
  for (const { folder, records } of sources) {
    console.log(`\n${folder}\n`);
    for (const { title, table } of sections(records)) console.log(`${title}\n\n${printable(table)}\n`);
    console.log(printable(answers(records, compare(records))));
  }
  return 0;
});

const trimmed = (folder: string) => folder.replace(/(?<=.)\/+$/, "");

/** The results of a folder. Throws a UserError if they are no sweep's, or have no record. */
async function readSource(folder: string): Promise<Source> {
  const text = await readResultsText(folder);
  const kind = kindOf(text);
  if (kind !== "sweep") {
    throw new UserError(
      `${folder} holds results of the kind ${JSON.stringify(kind)}; give folders of sweeps`,
    );
  }
  const results = parseSweep(text, `${folder}/results.jsonl`);
  if (results.records.length === 0) {
    throw new UserError(
      `${folder}/results.jsonl holds no record; finish a cell with --resume, or leave it out`,
    );
  }
  return { ...results, folder };
}
