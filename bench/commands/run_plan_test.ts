import { assertEquals, assertStringIncludes } from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import type { SweepHeader } from "../results/run_header.ts";
import { ResultsFile } from "../results/results_file.ts";
import { withFolder } from "../testing/folder.ts";
import { loadAll } from "./run_bench.ts";
import { exitCode, runPlan } from "./run_plan.ts";
import { withProgramCopy } from "../testing/program_copy.ts";
import { checkSweep } from "../report/check_sweep.ts";
import { parseSweep } from "../results/read_results.ts";

const text = "A text that is long enough to train on. ".repeat(40);

/** A copy of the program with a text in it, for the length of `work`. */
const withCopy = (work: (root: string) => Promise<void>) =>
  withProgramCopy(async (root) => {
    await Deno.writeTextFile(`${root}/data.txt`, text);
    await work(root);
  });

/** Runs `bench` in a copy, and `meddle` once one more record stands there. */
async function bench(root: string, args: readonly string[], meddle?: () => Promise<void>) {
  const before = Math.max(2, linesOf(root)); // header and end, without a record
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "bench/main.ts", "bench", ...args],
    cwd: root,
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const ended = child.status;
  const said = new Response(child.stderr).text();
  if (meddle) {
    let over = false;
    ended.then(() => over = true);
    while (!over && linesOf(root) <= before) await new Promise((resolve) => setTimeout(resolve, 20));
    await meddle();
  }
  const { code } = await ended;
  return { code, said: await said };
}

const results = (root: string) => `${root}/report/results.jsonl`;

/** Lines of the results, and the end of the last. */
function linesOf(root: string): number {
  try {
    return Deno.readTextFileSync(results(root)).split("\n").length;
  } catch {
    return 0;
  }
}

const sweep = [
  ...["--model", "nano", "--sequence", "16", "--batch", "1", "--policy", "exact,half,mesa8", "--no-tune"],
  ...["--rounds", "1", "--steps", "1", "--warmup", "0", "--quality-steps", "1", "--data", "data.txt"],
];

gpuTest(
  "bench ends when the data or its own sources change in mid-sweep, and goes on when they are restored",
  () =>
    withCopy(async (root) => {
      const source = `${root}/src/suggest.ts`;
      const original = await Deno.readTextFile(source);
      const meddle = () => Deno.writeTextFile(source, original + "// changed\n");
      const changed = await bench(root, [...sweep, "--out", "report"], meddle);
      assertEquals(changed.code, 1, changed.said);
      assertStringIncludes(
        changed.said,
        "In mid-sweep the program's sources changed, so the last cell is not recorded: restore it; then go on with " +
          "`deno task bench --resume report`",
      );
      const refused = await bench(root, ["--resume", "report"]);
      assertEquals(refused.code, 1);
      assertStringIncludes(refused.said, "Since this sweep began, the program's sources (");
      await Deno.writeTextFile(source, original);

      const rewritten = await bench(
        root,
        ["--resume", "report"],
        () => Deno.writeTextFile(`${root}/data.txt`, text + "!"),
      );
      assertEquals(rewritten.code, 1, rewritten.said);
      assertStringIncludes(rewritten.said, "In mid-sweep the data (data.txt) changed");
      const other = await bench(root, ["--resume", "report"]);
      assertEquals(other.code, 1);
      assertStringIncludes(other.said, "Since this sweep began, the data (");
      await Deno.writeTextFile(`${root}/data.txt`, text);

      const { code, said } = await bench(root, ["--resume", "report"]);
      assertEquals(code, 0, said);
      const { header, records, skipped } = parseSweep(await Deno.readTextFile(results(root)));
      assertEquals([records.length, skipped], [3, []]);
      assertEquals(records.map(({ configuration }) => configuration), header!.cells);
      assertEquals(new Set(records.map(({ data }) => data.digest)).size, 1);
    }),
);

gpuTest(
  "bench --precision leaves rounds out after a comparison's end, which resumption and check see alike",
  () =>
    withCopy(async (root) => {
      const size = [
        "--model",
        "nano",
        "--sequence",
        "16",
        "--batch",
        "1",
        "--policy",
        "exact,half",
        "--no-tune",
      ];
      const times = ["--steps", "1", "--warmup", "0", "--quality-steps", "0", "--data", "data.txt"];
      const rule = ["--precision", "1%", "--max-time", "0.001s"];
      const { code, said } = await bench(root, [...size, ...times, ...rule, "--out", "report"]);
      assertEquals(code, 0, said);
      const text = await Deno.readTextFile(results(root));
      const { header, records } = parseSweep(text);
      assertEquals(header!.stopping, { precision: 0.01, fewestRounds: 6, maxSeconds: 0.001 });
      const told = records.map(({ configuration: { policy, round, again } }) => [policy, round, again]);
      assertEquals(told, [["exact", 0, undefined], ["half", 0, undefined], ["exact", 20, true]]);
      assertEquals(header!.cells.length, 41);
      const passedOver = "38 passed over after a comparison had ended";
      assertStringIncludes(checkSweep(parseSweep(text))[1].text, passedOver);

      // Without the second it is missing, and only it.
      const lines = text.trimEnd().split("\n");
      await Deno.writeTextFile(results(root), [lines[0], lines[1], lines[3], ""].join("\n"));
      const resumed = await bench(root, ["--resume", "report"]);
      assertEquals(resumed.code, 0, resumed.said);
      const again = parseSweep(await Deno.readTextFile(results(root))).records;
      assertEquals(again.map(({ configuration }) => configuration), records.map((r) => r.configuration));
    }),
);

Deno.test("exitCode() is 1 for what failed, took too long or diverged, not for what found no memory, nor for what must diverge", () => {
  const codes = (["ok", "oom", "diverged", "error", "timeout"] as const).map((status) =>
    exitCode([fakeRecord(), fakeRecord({}, { status })])
  );
  assertEquals(codes, [0, 0, 1, 1, 1]);
  const bad = (status: "diverged" | "error") => exitCode([fakeRecord({ policy: "mesa2" }, { status })]);
  assertEquals([bad("diverged"), bad("error")], [0, 1]);
});

Deno.test("runPlan() is not interrupted by a signal that came after the last record", () =>
  withFolder(async (folder) => {
    const records = [0, 1].flatMap((round) =>
      ["exact", "half"].map((policy) => fakeRecord({ policy, round, qualitySteps: 0 }))
    );
    const header = fakeHeader(records);
    const dataOf = await loadAll(header.cells, {});
    /** What it says of a sweep that a signal has ended after so many records, and its exit code. */
    const ended = async (count: number, header: SweepHeader) => {
      const lines = [header, ...records.slice(0, count)].map((line) => JSON.stringify(line));
      await Deno.writeTextFile(`${folder}/results.jsonl`, "");
      const results = await ResultsFile.continue(`${folder}/results.jsonl`, lines);
      const interruption = { code: 130, signal: AbortSignal.abort() };
      const plan = () => ({ wantedBytes: 0, memory: null, refusal: null });
      const said: string[] = [];
      const { log, error } = console;
      console.log = console.error = (...words: unknown[]) => said.push(words.join(" "));
      try {
        const host = { dataOf, plan, timeoutSeconds: 1, json: false, interruption };
        return { code: await runPlan([{ folder, header, results }], host), last: said.at(-1) };
      } finally {
        [console.log, console.error] = [log, error];
      }
    };
    assertEquals(await ended(4, header), { code: 0, last: `\nThe report is in ${folder}` });
    const early = await ended(3, header);
    assertEquals(early.code, 130);
    assertStringIncludes(early.last!, "Interrupted; what is finished is in");
    // Of two programs that end together one's records do not tell whether they had.
    const until = { tolerance: 0.05, fewestRounds: 1, maxSeconds: 300 };
    const interleaved = { run: crypto.randomUUID(), side: "new" as const, until };
    assertEquals((await ended(2, { ...header, interleaved })).code, 130);
  }));
