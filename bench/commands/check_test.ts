import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../main.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { endOf } from "../testing/command_end.ts";
import { withFolder } from "../testing/folder.ts";
import { writeFiles } from "./render.ts";

Deno.test("check leaves files beside reports out, with a note, and checks the rest; files alone it refuses", () =>
  withFolder(async (root) => {
    const [whole, broken, empty, file, other] = ["whole", "broken", "empty", "a.txt", "b.txt"]
      .map((name) => `${root}/${name}`);
    const record = fakeRecord({ qualitySteps: 2 });
    for (const folder of [whole, broken, empty]) await Deno.mkdir(folder);
    for (const folder of [whole, broken]) {
      const text = [fakeHeader([record]), record].map((line) => JSON.stringify(line) + "\n").join("");
      await Deno.writeTextFile(`${folder}/results.jsonl`, text);
      await writeFiles(folder, text);
    }
    await Deno.remove(`${broken}/report.md`);
    for (const path of [file, other]) await Deno.writeTextFile(path, "printed\n");
    const note = `Left out: ${file} is a file, no report`;
    assertEquals(await endOf(["check", file, whole]), { code: 0, errors: [note] });
    assertEquals(await endOf(["check", file, `${whole}/`, broken]), { code: 1, errors: [note] });
    for (const paths of [[file], [file, other], [whole, empty], [whole, `${root}/none`]]) {
      const { code, errors } = await endOf(["check", ...paths]);
      assertEquals([code, errors.length], [1, 1], paths.join());
      assertStringIncludes(errors[0], "is no report of bench: ");
    }
  }));

Deno.test("check fails a sweep without a record under its name, and checks what comes after it", () =>
  withFolder(async (root) => {
    const record = fakeRecord({ qualitySteps: 2 });
    const lines = { begun: [fakeHeader([record])], blank: [], cut: [fakeHeader([record]), record] };
    for (const [name, all] of Object.entries(lines)) {
      await Deno.mkdir(`${root}/${name}`);
      const text = all.map((line) => JSON.stringify(line) + "\n").join("");
      await Deno.writeTextFile(`${root}/${name}/results.jsonl`, text);
    }
    const { log } = console;
    const printed: string[] = [];
    console.log = (line: string) => void printed.push(line);
    try {
      const folders = Object.keys(lines).map((name) => `${root}/${name}`);
      assertEquals(await main(["check", ...folders]), 1);
      assertEquals(printed.filter((line) => !line.startsWith(" ")), folders.map((name) => `FAILED  ${name}`));
      assertEquals(printed.filter((line) => line.includes("there is no record")), [
        "  FAIL  there is no record: finish a cell with `--resume`",
        "  FAIL  there is no record: run its command again",
      ]);
    } finally {
      console.log = log;
    }
  }));
