import { withFolder } from "../testing/folder.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { checkFolder } from "./check.ts";
import { renderAgain } from "./render.ts";

const write = (folder: string, ...lines: object[]) =>
  Deno.writeTextFile(`${folder}/results.jsonl`, lines.map((line) => JSON.stringify(line) + "\n").join(""));

const report = (folder: string) => Deno.readTextFile(`${folder}/report.md`);

Deno.test("renderAgain() tells what the header tells: the command, and what is missing of the plan", () =>
  withFolder(async (folder) => {
    const records = [fakeRecord(), fakeRecord({ policy: "half" })];
    await write(folder, fakeHeader(records), records[0]);
    assertEquals(await renderAgain(`${folder}/`), 0);
    assertStringIncludes(
      await report(folder),
      "Made by `deno task bench --model nano` on 2026-11-22T01:02:03Z, from ",
    );
    assertStringIncludes(await report(folder), "**Not finished**: 1 process of the plan is missing");
    await write(folder, fakeHeader(records), ...records);
    await renderAgain(folder);
    assertEquals((await report(folder)).includes("Not finished"), false);
    await Deno.stat(`${folder}/memory.svg`);
  }));

Deno.test("renderAgain() words the records of version 2 anew and keeps the command that made them", () =>
  withFolder(async (folder) => {
    await write(folder, { ...fakeRecord(), schema: 2 });
    const made = "Made by `deno task bench --model micro` on 2026-11-21T01:02:03Z, from ";
    await Deno.writeTextFile(
      `${folder}/report.md`,
      `# Worded by an older version\n\n${made}no git checkout\n`,
    );
    await renderAgain(folder);
    assertStringIncludes(await report(folder), "# Headroom on Imaginary 9000, 2026-11-21\n");
    assertStringIncludes(await report(folder), made);
    assertStringIncludes(await report(folder), "they do not tell what was planned");
  }));

Deno.test("renderAgain() refuses a folder without records, and results of a kind that it does not know", () =>
  withFolder(async (folder) => {
    await assertRejects(() => renderAgain(folder), UserError, "is no report of bench");
    await Deno.writeTextFile(`${folder}/results.jsonl`, "");
    await assertRejects(() => renderAgain(folder), UserError, "The results hold no record");
    await write(folder, { kind: "songs" });
    await assertRejects(() => renderAgain(folder), UserError, 'of the unknown kind "songs"');
  }));

Deno.test("renderAgain() refuses a header that cannot be read, and tells lines that are no records", () =>
  withFolder(async (folder) => {
    const record = fakeRecord();
    const [header, whole] = [fakeHeader([record]), record].map((line) => JSON.stringify(line));
    const leave = (...lines: string[]) =>
      Deno.writeTextFile(`${folder}/results.jsonl`, lines.map((line) => line + "\n").join(""));
    const remedy = "take the first line from a copy of the folder, or run its command again";
    for (const lines of [[header.slice(0, 99), whole], [whole]]) {
      await leave(...lines);
      await assertRejects(() => renderAgain(folder), UserError, remedy);
      await assertRejects(() => Deno.stat(`${folder}/report.md`), Deno.errors.NotFound);
      assertStringIncludes((await checkFolder(folder)).map(({ text }) => text).join(), remedy);
    }
    await leave(header, whole, whole.slice(0, 99));
    const told: string[] = [];
    const { error } = console;
    console.error = (line: string) => void told.push(line);
    try {
      assertEquals(await renderAgain(folder), 0);
    } finally {
      console.error = error;
    }
    assertStringIncludes(told.join(), `${folder}/results.jsonl:3: skipped, `);
  }));

Deno.test("checkFolder() passes what renderAgain() wrote, and nothing else", () =>
  withFolder(async (folder) => {
    const records = [fakeRecord({ qualitySteps: 2 })];
    const failures = async () =>
      (await checkFolder(folder)).filter(({ pass }) => !pass).map(({ text }) => text);
    await write(folder, fakeHeader(records), ...records);
    await renderAgain(folder);
    assertEquals(await failures(), []);
    await Deno.writeTextFile(`${folder}/report.md`, (await report(folder)).replace("3 MiB", "2 MiB"));
    await Deno.remove(`${folder}/memory.svg`);
    assertEquals(await failures(), [
      "memory.svg is missing, report.md is not what the records say: write them again with --render",
    ]);
  }));

/** Folders below one that hold results. */
function foldersBelow(folder: string): string[] {
  const entries = [...Deno.readDirSync(folder)];
  const own = entries.some(({ name }) => name === "results.jsonl") ? [folder] : [];
  return [
    ...own,
    ...entries.filter((e) => e.isDirectory).flatMap(({ name }) => foldersBelow(`${folder}/${name}`)),
  ];
}

Deno.test("check passes on every committed report", async () => {
  const folders = foldersBelow(`${import.meta.dirname}/../../reports`);
  assertEquals(folders.length > 0, true);
  for (const folder of folders) {
    const failed = (await checkFolder(folder)).filter(({ pass }) => !pass);
    assertEquals(failed, [], folder);
  }
});
