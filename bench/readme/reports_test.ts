import { assertEquals, assertNotEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { sweepFolders } from "./folders.ts";
import { readReports } from "./reports.ts";
import { readEntries } from "./reports_index.ts";
import { answersPage, resultsPage } from "./results_page.ts";

async function withRoot(work: (root: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await work(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

async function write(root: string, folder: string, command: string, text = JSON.stringify(fakeRecord())) {
  await Deno.mkdir(`${root}/${folder}`, { recursive: true });
  await Deno.writeTextFile(`${root}/${folder}/results.jsonl`, text);
  await Deno.writeTextFile(
    `${root}/${folder}/report.md`,
    `Made by \`${command}\` on 2026-11-22T01:02:03Z, from`,
  );
}

const [newer] = sweepFolders.text;

Deno.test("readReports() takes a result's folder, and leaves out what has none", () =>
  withRoot(async (root) => {
    assertEquals(await readReports(root), {
      sweeps: {},
      kernels: undefined,
      largeStep: undefined,
      largeStepNative: undefined,
      gradients: undefined,
      checkpoints: undefined,
      fits: undefined,
      peers: {},
    });
    await write(root, newer, "deno task bench --model micro");
    const { report, commands } = (await readReports(root)).sweeps.text!;
    assertEquals([report, commands], [`${newer}/report.md`, ["deno task bench --model micro"]]);
  }));

Deno.test("The page tells how long a sweep took, with what came before its first process", () =>
  withRoot(async (root) => {
    const told = async (...starts: string[]) => {
      const records = starts.map((time, round) => ({
        ...fakeRecord({ round }),
        ...{ started: `2026-11-22T01:${time}.000Z`, seconds: 13 },
      }));
      const header = fakeHeader(records, { started: "2026-11-22T01:02:03.000Z" });
      const lines = [header, ...records].map((line) => JSON.stringify(line)).join("\n");
      await write(root, sweepFolders.answer[0], "deno task bench", lines);
      return answersPage(await readReports(root));
    };
    const command = "for `deno task bench --model nano`";
    assertStringIncludes(await told("03:10", "02:57"), `1 min 20 s ${command}`);
    assertStringIncludes(
      await told("02:58", "02:57"),
      `1 min 20 s of processes, several at a time, ${command}`,
    );
  }));

Deno.test("readReports() takes the folders below one without results together", () =>
  withRoot(async (root) => {
    await write(
      root,
      `${newer}/long`,
      "deno task bench --sequence 64",
      JSON.stringify(fakeRecord({ sequence: 64 })),
    );
    await write(
      root,
      `${newer}/short`,
      "deno task bench --sequence 32",
      JSON.stringify(fakeRecord({ sequence: 32 })),
    );
    const { report, commands, comparisons } = (await readReports(root)).sweeps.text!;
    assertEquals(report, newer);
    assertEquals(commands, ["deno task bench --sequence 64", "deno task bench --sequence 32"]);
    assertEquals(comparisons.map(({ sequence }) => sequence), [64, 32]);
  }));

Deno.test("A report in a folder that folders.ts does not name changes no result, and stands in the list", () =>
  withRoot(async (root) => {
    await write(root, newer, "deno task bench --model micro");
    const before = await readReports(root);
    const handedIn = newer.replace(/\d{4}-\d\d-\d\d-[^/]*/, "2099-01-01-another-card");
    assertNotEquals(handedIn, newer);
    await write(root, handedIn, "deno task bench grid");
    const after = await readReports(root);
    assertEquals([answersPage(after), resultsPage(after)], [answersPage(before), resultsPage(before)]);
    const listed = await readEntries(`${root}/reports`);
    assertEquals(listed.map(({ folder }) => `reports/${folder}`), [newer, handedIn]);
  }));

Deno.test("readReports() names the folder whose results are not whole", () =>
  withRoot(async (root) => {
    await write(root, newer, "deno task bench", '{"schema"');
    await assertRejects(() => readReports(root), UserError, `${newer}: results.jsonl:1: skipped`);
  }));
