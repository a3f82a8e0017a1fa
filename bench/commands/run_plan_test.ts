import { assertEquals, assertStringIncludes } from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { fakeRecord } from "../results/testing.ts";
import { exitCode } from "./run_plan.ts";
import { withProgramCopy } from "../testing/program_copy.ts";
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

Deno.test("exitCode() is 1 for what failed, took too long or diverged, not for what found no memory", () => {
  const codes = (["ok", "oom", "diverged", "error", "timeout"] as const).map((status) =>
    exitCode([fakeRecord(), fakeRecord({}, { status })])
  );
  assertEquals(codes, [0, 0, 1, 1, 1]);
});
