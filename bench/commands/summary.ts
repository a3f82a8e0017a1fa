import { argument, command, message, object, option } from "@optique/core";
import { folderSlug, slugOf } from "../../src/adapter/adapter.ts";
import { UserError } from "../../src/errors.ts";
import { printJson } from "../../src/text/print_json.ts";
import { folder, jsonOption } from "../options/options.ts";
import { refuseUnused } from "../options/unused.ts";
import { runtimeOf } from "../results/results.ts";
import { renderSummary } from "../report/summary.ts";
import { summarizeSweep } from "../report/sweep_summary.ts";
import { readReport, recordRemedy } from "../results/read_results.ts";
import { tellSkipped } from "./report_paths.ts";

const options = object({
  folder: argument(folder, {
    description: message`A sweep's report`,
    errors: {
      endOfInput: message`Expected a folder: give a sweep's report, such as one below ${"reports/"}`,
    },
  }),
  card: option("--card", { description: message`Print the card's name, as folders have it, and end` }),
  json: jsonOption,
});
const brief = message`Print a report for a page without pictures, such as a workflow's summary`;

export const summary = command("summary", options, { brief }).map(({ card, json, ...o }) => async () => {
  if (card) refuseUnused("--card", { json }, []);
  const { folder, results } = await readReport(o.folder);
  const { header, records } = results;
  if (records.length === 0) throw new UserError(`${folder} holds no record; ${recordRemedy(results)}`);
  tellSkipped(results);
  const { environment } = records[0];
  if (json) printJson(summarizeSweep(folder, { header, records }));
  else if (!card) console.log(renderSummary(records, header ?? {}));
  else console.log(folderSlug({ slug: slugOf(environment.adapter), runtime: runtimeOf(environment) }));
  return 0;
});
