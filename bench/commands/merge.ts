import { argument, command, message, metavar, multiple, object, option } from "@optique/core";
import { resumeCommand } from "../machine/run.ts";
import { folder, jsonOption, newFolder } from "../options/options.ts";
import { createReportFolder } from "../report/report_folder.ts";
import { summarizeSweep } from "../report/sweep_summary.ts";
import { ResultsFile } from "../results/results_file.ts";
import { missingCells } from "../sweep/outcomes.ts";
import { mergeSweeps } from "../sweep/merge.ts";
import { plural } from "../../src/text/format.ts";
import { printJson } from "../../src/text/print_json.ts";
import { readReport } from "../results/read_results.ts";
import { writeFiles } from "./render.ts";

const namelessOut = message`Expected ${"--out"}: name the folder of the report that is made`;

const options = object({
  folders: multiple(argument(folder, { description: message`Reports of the shards, in any order` }), {
    min: 1,
    errors: { tooFew: message`Expected a ${metavar("FOLDER")}: give the reports of a sweep's shards` },
  }),
  out: option("--out", newFolder, {
    description: message`Folder of the report that is made`,
    errors: { missing: namelessOut, endOfInput: namelessOut },
  }),
  json: jsonOption,
});
const brief = message`Make one report of the shards of a sweep`;

export const merge = command("merge", options, { brief }).map(({ folders, out, json }) => async () => {
  const { header, records } = mergeSweeps(await Promise.all(folders.map(readReport)));
  const { path, results } = await createReportFolder(out, "", new Date(header.started));
  const file = await ResultsFile.create(results, header);
  for (const record of records) await file.append(record);
  file.close();
  if (records.length > 0) await writeFiles(path, file.text);
  const missing = missingCells(header, records).length;
  if (json) printJson(summarizeSweep(path, { header, records }));
  else {
    console.log(`${plural(records.length, "record")} of ${plural(folders.length, "shard")} are in ${path}`);
  }
  if (missing === 0) return 0;
  console.error(
    `${plural(missing, "process", "processes")} of the plan ${
      missing === 1 ? "is" : "are"
    } missing: merge the other shards as well, or run them with \`${resumeCommand(path)}\``,
  );
  return 1;
});
