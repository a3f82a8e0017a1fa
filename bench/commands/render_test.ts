import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { renderAgain } from "./render.ts";
import { renderReport } from "./report.ts";
import { appendRecord, readRecords } from "../results/results.ts";
import { fakeRecord } from "../results/testing.ts";

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("renderAgain() words the records anew and keeps the command that made them", () =>
  withFolder(async (folder) => {
    await appendRecord(`${folder}/results.jsonl`, fakeRecord({ policy: "exact" }));
    const made = "Made by `deno task bench --model nano` on 2026-11-22T01:02:03Z, from ";
    await Deno.writeTextFile(
      `${folder}/report.md`,
      `# Worded by an older version\n\n${made}no git checkout\n`,
    );
    assertEquals(await renderAgain(`${folder}/`), 0);
    const report = await Deno.readTextFile(`${folder}/report.md`);
    assertStringIncludes(report, "# Headroom on Imaginary 9000, 2026-11-22\n");
    assertStringIncludes(report, made);
    assertStringIncludes(report, "## Memory");
    await Deno.stat(`${folder}/memory.svg`);
  }));

Deno.test("renderAgain() refuses a folder without records", () =>
  withFolder(async (folder) => {
    await assertRejects(() => renderAgain(folder), UserError, "Cannot read the records of");
    await Deno.writeTextFile(`${folder}/results.jsonl`, "");
    await assertRejects(() => renderAgain(folder), UserError, "holds no record of this version");
  }));

/** Every results.jsonl below a folder. */
function recordsBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory ? recordsBelow(`${folder}/${name}`) : name === "results.jsonl" ? [`${folder}/${name}`] : []
  );
}

Deno.test("Every committed record of this version is read and rendered", async () => {
  let rendered = 0;
  for (const path of recordsBelow(`${import.meta.dirname}/../../reports`)) {
    const { records, skipped } = await readRecords(path);
    assertEquals(skipped.filter((line) => !line.includes("skipped, schema: ")), []);
    if (records.length === 0) continue; // an older version's, or times of kernels
    const run = {
      started: new Date(0),
      planned: records.length,
      interrupted: false,
      charts: [],
      command: "",
    };
    assertStringIncludes(renderReport(records, run), "## Memory");
    rendered++;
  }
  assert(rendered > 0);
});
