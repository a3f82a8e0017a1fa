import { argument, command, message, metavar, multiple, object } from "@optique/core";
import { z } from "zod";
import { UserError } from "../../src/errors.ts";
import { readBytes, replaceText } from "../../src/io/files.ts";
import { printJson } from "../../src/text/print_json.ts";
import { summarizeTimes, timesSummary } from "../kernels/times_summary.ts";
import { file, folder, jsonOption, maybe, mostRanks, several } from "../options/options.ts";
import { whole } from "../options/value_parsers.ts";
import { refuseUnused } from "../options/unused.ts";
import { renderPage } from "../page/page.ts";
import { peersSource } from "../page/peer_points.ts";
import { type Source, sweepSource } from "../page/points.ts";
import { describePredictions } from "../report/predict_ranks.ts";
import { answers } from "../report/answers.ts";
import { compare } from "../report/cell_rounds.ts";
import { peersSummary, summarizePeers } from "../report/peer_records.ts";
import { sections } from "../report/report.ts";
import { summarizeSweep, sweepSummary } from "../report/sweep_summary.ts";
import { printable } from "../report/terminal.ts";
import {
  kindOf,
  parseSweep,
  readResultsText,
  recordRemedy,
  type SweepResults,
} from "../results/read_results.ts";
import { reportsBelow, tellLeftOut, tellSkipped } from "./report_paths.ts";

const options = object({
  folders: multiple(argument(folder, { description: message`Report folders` }), {
    min: 1,
    errors: { tooFew: message`Expected a ${metavar("FOLDER")}: give a report's` },
  }),
  html: maybe("--html", file, message`Write all of them as one page for a browser, which needs nothing else`),
  predict: several(
    "--predict-ranks",
    whole(2, mostRanks),
    message`Tell instead what so many ranks would take of the steps that several shared, as in ${"4,8"}: by plan and measured rates, of no run`,
  ),
  json: jsonOption,
});
const brief = message`Show reports: in the terminal, or as one page`;

export const report = command("report", options, { brief }).map(
  ({ folders, html, predict, json }) => async () => {
    if (html !== undefined && json) refuseUnused("--html", { json }, []);
    if (predict.length > 0) refuseUnused("--predict-ranks", { html, json }, []);
    if (html !== undefined && !/\.html?$/.test(html)) {
      throw new UserError(`${html} would hold a page; give --html a FILE.html`);
    }
    const all = await Promise.all((await reportsBelow(folders)).map(read));
    if (json) {
      printJson(all.map(({ folder, kind, text }) => summaryOf(folder, kind, text)));
      return 0;
    }
    if (predict.length > 0) {
      for (const { folder, kind, text } of all) {
        console.log(`\n${folder}\n\n${predicted(folder, kind, text, predict)}`);
      }
      return 0;
    }
    if (html === undefined) {
      for (const { folder, kind, text } of all) {
        console.log(`\n${folder}\n\n${await printed(folder, kind, text)}`);
      }
      return 0;
    }
    await replaceText(html, await renderPage(sourcesOf(all)));
    console.log(`Written: ${html}`);
    return 0;
  },
);

interface Read {
  readonly folder: string;
  readonly text: string;
  readonly kind: string;
}

async function read(folder: string): Promise<Read> {
  const text = await readResultsText(folder);
  return { folder, text, kind: kindOf(text) };
}

/** A report as the terminal shows it: a sweep's tables and then its answers, of other kinds the report that stands there. */
async function printed(folder: string, kind: string, text: string): Promise<string> {
  if (kind !== "sweep") {
    return printable(new TextDecoder().decode(await readBytes(`${folder}/report.md`)).trimEnd());
  }
  const { header, records } = sweepOf(folder, text);
  const tables = sections(records, header ?? {}).map(({ title, table }) => `${title}\n\n${printable(table)}`);
  return [...tables, printable(answers(records, compare(records), header ?? {}))].join("\n\n");
}

/** What so many ranks would take of a sweep's steps. Throws a UserError where it has none that several shared. */
function predicted(folder: string, kind: string, text: string, rankCounts: readonly number[]): string {
  if (kind !== "sweep") throw new UserError(`${folder} holds no sweep; give a report of bench --ranks 2`);
  return printable(describePredictions(sweepOf(folder, text).records, rankCounts));
}

const summaries = z.union([sweepSummary, timesSummary, peersSummary]);

/** What `report --json` prints. */
export const reports = z.array(summaries).meta({
  title: "Reports",
  description: "What bench found, by folder",
});

/** What a folder says in JSON. Throws a UserError if its results are not whole. */
function summaryOf(folder: string, kind: string, text: string): z.infer<typeof summaries> {
  if (kind === "sweep") return summarizeSweep(folder, sweepOf(folder, text));
  return kind === "peers" ? summarizePeers(folder, text) : summarizeTimes(folder, text);
}

/** Results of which a page shows nothing. */
class NoCells extends UserError {
  constructor(readonly reason: string, remedy: string) {
    super(`${reason}; ${remedy}`);
  }
}

/** What the page shows: results without cells are left out, and told. Throws a UserError if none has any. */
function sourcesOf(all: readonly Read[]): Source[] {
  const without: NoCells[] = [];
  const sources = all.flatMap((report) => {
    try {
      return [sourceOf(report)];
    } catch (error) {
      if (!(error instanceof NoCells)) throw error;
      without.push(error);
      return [];
    }
  });
  if (sources.length === 0) throw without[0];
  for (const { reason } of without) tellLeftOut(reason);
  return sources;
}

/** What a folder gives to the page. Throws NoCells where that is nothing. */
function sourceOf({ folder, kind, text }: Read): Source {
  if (kind === "sweep") return sweepSource(folder, sweepOf(folder, text));
  if (kind === "peers") return peersSource(folder, text);
  throw new NoCells(
    `${folder} holds results of the kind ${JSON.stringify(kind)}, which have no cells`,
    "give folders of sweeps",
  );
}

/** The results of a sweep. Throws NoCells if they have no record. */
function sweepOf(folder: string, text: string): SweepResults {
  const results = parseSweep(text, `${folder}/results.jsonl`);
  if (results.records.length > 0) {
    tellSkipped(results);
    return results;
  }
  throw new NoCells(
    `${folder}/results.jsonl holds no record`,
    `${recordRemedy(results)}, or leave it out`,
  );
}
