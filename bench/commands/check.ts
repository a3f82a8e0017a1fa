import { argument, command, message, metavar, multiple, object } from "@optique/core";
import { z } from "zod";
import { programOutput } from "../../src/io/program_output.ts";
import { printJson } from "../../src/text/print_json.ts";
import { project } from "../machine/environment.ts";
import { digestTree } from "../machine/sources.ts";
import { folder, jsonOption } from "../options/options.ts";
import { checkPeers } from "../report/check_peers.ts";
import { checkSweep } from "../report/check_sweep.ts";
import type { Finding } from "../report/finding.ts";
import { readPeers } from "../report/peer_records.ts";
import {
  kindOf,
  lostHeader,
  parseSweep,
  parseTimes,
  readResultsText,
  type SweepResults,
} from "../results/read_results.ts";
import type { SweepHeader, TimesHeader } from "../results/run_header.ts";
import { filesOf } from "./render.ts";
import { withoutFiles } from "./report_paths.ts";

const options = object({
  folders: multiple(argument(folder, { description: message`Report folders` }), {
    min: 1,
    errors: { tooFew: message`Expected a ${metavar("FOLDER")}: give a report's` },
  }),
  json: jsonOption,
});

/** What `check --json` prints. */
export const checks = z.array(z.object({
  folder: z.string(),
  pass: z.boolean(),
  findings: z.array(z.object({ pass: z.boolean(), text: z.string() })),
})).meta({ title: "Checks of reports" });

const brief = message`Check that a report is whole, of one making, and what its records say`;

export const check = command("check", options, { brief }).map(({ folders, json }) => async () => {
  const results: z.infer<typeof checks> = [];
  for (const folder of await withoutFiles(folders)) {
    const findings = await checkFolder(folder);
    const result = { folder, pass: findings.every(({ pass }) => pass), findings };
    if (!json) describe(result);
    results.push(result);
  }
  if (json) printJson(results);
  return results.every(({ pass }) => pass) ? 0 : 1;
});

function describe({ folder, pass, findings }: z.infer<typeof checks>[number]): void {
  console.log(`${pass ? "passed" : "FAILED"}  ${folder}`);
  for (const { pass, text } of findings) console.log(`  ${pass ? "ok  " : "FAIL"}  ${text}`);
}

/** What there is to say of a report's folder. Throws a UserError if it is none. */
export async function checkFolder(folder: string): Promise<Finding[]> {
  const text = await readResultsText(folder);
  const kind = kindOf(text);
  const sweep = kind === "sweep" ? parseSweep(text) : null;
  const header = sweep ? sweep.header : kind === "peers" ? null : parseTimes(text).header; // peers run no source of ours
  return [
    ...sweep ? checkSweep(sweep) : [],
    ...kind === "peers" ? checkPeers(readPeers(text)) : [],
    ...header ? await checkSources(header) : [],
    ...sweep && isUntold(sweep) ? [] : [await checkFiles(folder, text)],
  ];
}

/** Whether nothing can be rendered of a sweep: it has no record, or does not tell what was planned. */
const isUntold = (sweep: SweepResults) => sweep.records.length === 0 || lostHeader(sweep) !== null;

/** Whether the program was that of the commit which is named, as far as its history is here. */
async function checkSources(
  { sources, environment: { commit } }: TimesHeader | SweepHeader,
): Promise<Finding[]> {
  if (!commit) return [{ pass: false, text: "the program was in no git checkout: nobody can run it again" }];
  const { text: listing } = await programOutput("git", ["ls-tree", "-r", commit], { cwd: project });
  if (listing === null) {
    return [{
      pass: true,
      text: `the sources of commit ${commit.slice(0, 12)} are not here to compare with`,
    }];
  }
  const same = digestTree(listing) === sources;
  return [{
    pass: same,
    text: `the program's sources were ${same ? "" : "not "}those of commit ${commit.slice(0, 12)}`,
  }];
}

/** Whether the report and its pictures are what the records are rendered to. */
async function checkFiles(folder: string, text: string): Promise<Finding> {
  const files = await filesOf(folder, text);
  const different: string[] = [];
  for (const [name, content] of Object.entries(files)) {
    const found = await Deno.readTextFile(`${folder}/${name}`).catch(() => null);
    if (found !== content) {
      different.push(`${name} is ${found === null ? "missing" : "not what the records say"}`);
    }
  }
  return different.length === 0
    ? { pass: true, text: `${Object.keys(files).join(", ")} are what the records say` }
    : { pass: false, text: `${different.join(", ")}: write them again with --render` };
}
