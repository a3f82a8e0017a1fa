import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../main.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { withFolder } from "../testing/folder.ts";

const reports = `${import.meta.dirname}/../../reports/2026-11-30-nvidia-h200`;

/** Runs a command line; gives its exit code, what it printed, and its notes. */
async function printed(...args: string[]): Promise<{ code: number; text: string; notes: string[] }> {
  const { log, error } = console;
  const [lines, notes]: string[][] = [[], []];
  console.log = (line: string) => void lines.push(line);
  console.error = (line: string) => void notes.push(line);
  try {
    return { code: await main(args), text: lines.join("\n"), notes };
  } finally {
    Object.assign(console, { log, error });
  }
}

Deno.test("report prints the tables of each folder, then its answers, and reports of other kinds as they are", async () => {
  const { code, text } = await printed("report", `${reports}/vision/`, `${reports}/kernels`);
  assertEquals(code, 0);
  assert(text.indexOf("| model") < text.indexOf("**Not proved**"));
  assertStringIncludes(
    text,
    await Deno.readTextFile(`${reports}/kernels/report.md`).then((report) => report.trim()),
  );
});

Deno.test("report --html writes one page of all folders, each once", async () => {
  const file = await Deno.makeTempFile({ suffix: ".html" });
  const { code } = await printed(
    ...["report", `${reports}/vision`, `${reports}/vision/`, `${reports}/peers-deit`, "--html", file],
  );
  assertEquals(code, 0);
  assertStringIncludes(await Deno.readTextFile(file), "of 2 reports</title>");
  await Deno.remove(file);
});

/** A folder with two sweeps, one of them deeper down, times of kernels, a sweep that no cell was finished of, a file and an empty folder. */
const withSet = (work: (root: string) => Promise<void>) =>
  withFolder(async (root) => {
    const header = fakeHeader([fakeRecord()]);
    const sets = {
      "deep/sweep": [header, fakeRecord()],
      "deep/sweep/base": [header, fakeRecord()],
      "kernels": [{ ...fakeHeader([]), kind: "kernels" }],
      "sweep": [header, fakeRecord()],
      "unfinished": [header],
    };
    for (const [folder, lines] of Object.entries(sets)) {
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
      const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
      await Deno.writeTextFile(`${root}/${folder}/results.jsonl`, text);
    }
    await Deno.mkdir(`${root}/empty`);
    await Deno.writeTextFile(`${root}/printed.txt`, "printed\n");
    await work(root);
  });

Deno.test("report --html finds the reports below folders, and leaves out what has no cells, with a note of each", () =>
  withSet(async (root) => {
    const page = `${root}/page.html`;
    const noCells = [
      `Left out: ${root}/kernels holds results of the kind "kernels", which have no cells`,
      `Left out: ${root}/unfinished/results.jsonl holds no record`,
    ];
    const whole = await printed("report", root, "--html", page);
    assertEquals([whole.code, whole.notes], [0, noCells]);
    const told = await Deno.readTextFile(page);
    assertStringIncludes(told, "of 2 reports</title>");
    assertEquals(told.includes("sweep/base"), false, "a report's folder is no folder of reports");
    await Deno.remove(page);

    const names = ["deep", "deep/sweep", "empty", "kernels", "printed.txt", "sweep", "unfinished"];
    const each = await printed("report", ...names.map((name) => `${root}/${name}`), "--html", page);
    assertEquals([each.code, each.notes], [
      0,
      [
        `Left out: ${root}/printed.txt is a file, no report`,
        `Left out: ${root}/empty holds no report`,
        ...noCells,
      ],
    ]);
    assertStringIncludes(await Deno.readTextFile(page), "of 2 reports</title>");
  }));

Deno.test("report refuses what leaves nothing, as if it stood alone, and a path that is not there beside any", () =>
  withSet(async (root) => {
    const refused = async (...names: string[]) => {
      const paths = names.map((name) => `${root}/${name}`);
      const { code, notes } = await printed("report", ...paths, "--html", `${root}/page.html`);
      assertEquals(code, 1);
      return notes.at(-1)!;
    };
    assertStringIncludes(await refused("empty"), "empty is no report of bench: ");
    assertStringIncludes(await refused("printed.txt"), "printed.txt is no report of bench: ");
    assertStringIncludes(await refused("printed.txt", "empty"), "empty is no report of bench: ");
    assertStringIncludes(await refused("kernels", "empty"), "which have no cells; give folders of sweeps");
    assertStringIncludes(await refused("sweep", "none"), "none is no report of bench: ");
  }));

Deno.test("report, compare and summary name the lines of results that are none, and tell the rest", () =>
  withSet(async (root) => {
    const [whole, cut] = [`${root}/sweep`, `${root}/deep/sweep`];
    await Deno.writeTextFile(`${cut}/results.jsonl`, '{"schema":3,"sta', { append: true });
    const line = `Left out: ${cut}/results.jsonl:3: skipped, not a whole line of JSON`;
    const lines = [["report", cut], ["report", cut, "--json"], ["compare", whole, cut], ["summary", cut]];
    for (const args of lines) {
      const { code, text, notes } = await printed(...args);
      assertEquals([code, notes], [0, [line]], args.join(" "));
      assertStringIncludes(text, "nano");
    }
    assertEquals((await printed("report", whole)).notes, []);
  }));
