import { z } from "zod";
import { kernelFiles } from "../kernels/kernel_report.ts";
import { profileFiles } from "../kernels/step_profile.ts";
import { renderPeers } from "../report/peers.ts";
import { sweepFiles } from "../report/sweep_files.ts";
import { kindOf, parseSweep, readResultsText } from "../results/read_results.ts";
import { UserError } from "../../src/errors.ts";
import { replaceText, withoutSlash } from "../../src/io/files.ts";
import { printJson } from "../../src/text/print_json.ts";

type Files = Record<string, string>;

const kinds: Record<string, (text: string, before: string) => Files | Promise<Files>> = {
  sweep: sweepFiles,
  kernels: kernelFiles,
  profile: profileFiles,
  peers: (text) => ({ "report.md": renderPeers(text) }),
};

/** The files that tell a folder's results, by name, as this version words them. Throws a UserError if there is nothing to tell. */
export async function filesOf(folder: string, text: string): Promise<Files> {
  const kind = kindOf(text);
  if (!Object.hasOwn(kinds, kind)) {
    throw new UserError(
      `${folder}/results.jsonl holds results of the unknown kind ${
        JSON.stringify(kind)
      }; take a newer version`,
    );
  }
  const before = await Deno.readTextFile(`${folder}/report.md`).catch(() => "");
  return await kinds[kind](text, before);
}

/** Writes the files that tell results; a folder that was taken away is made again. Returns their names. */
export async function writeFiles(folder: string, text: string): Promise<string[]> {
  const files = await filesOf(folder, text);
  await Deno.mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) await replaceText(`${folder}/${name}`, content);
  return Object.keys(files);
}

/** What `bench --render --json` prints. */
export const written = z.object({
  kind: z.literal("written"),
  folder: z.string(),
  files: z.array(z.string()).describe("what was written again, in the folder"),
}).meta({ title: "What bench wrote again" });

/** Writes a folder's report and pictures again from its records, and tells which lines are none. Returns the exit code. */
export async function renderAgain(path: string, { json = false } = {}): Promise<number> {
  const folder = withoutSlash(path);
  const text = await readResultsText(folder);
  const files = await writeFiles(folder, text);
  if (kindOf(text) === "sweep") {
    for (const line of parseSweep(text, `${folder}/results.jsonl`).skipped) console.error(line);
  }
  if (json) printJson({ kind: "written", folder, files } satisfies z.infer<typeof written>);
  else console.log(`Written again: ${folder}/report.md`);
  return 0;
}
