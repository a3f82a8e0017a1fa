import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { parseSweep } from "../results/read_results.ts";
import { outputs } from "./schema.ts";
import { commitAll, git, patch, withProgramCopy } from "../testing/program_copy.ts";

const cell = ["--model", "nano", "--sequence", "16", "--batch", "1", "--policy", "exact"];
const steps = ["--steps", "1", "--warmup", "0", "--quality-steps", "1", "--out", "report"];
const sweep = [...cell, ...steps, "--rounds", "2"];

/** Runs `bench` in a copy, and `meddle` once the base has a record. */
async function bench(
  root: string,
  args: readonly string[],
  meddle?: (process: Deno.ChildProcess) => void,
) {
  await Deno.mkdir(`${root}/temporary`, { recursive: true });
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "bench/main.ts", "bench", ...args],
    cwd: root,
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", TMPDIR: `${root}/temporary`, HEADROOM_COMMIT: "" },
  }).spawn();
  let over = false;
  process.status.then(() => over = true);
  const output = Promise.all([process.stdout, process.stderr].map((stream) => new Response(stream).text()));
  while (meddle && !over) {
    const text = await Deno.readTextFile(`${root}/report/base/results.jsonl`).catch(() => "");
    if (text.split("\n").length > 2) {
      meddle(process);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { code } = await process.status;
  const [printed, said] = await output;
  return { code, printed, said };
}

/** Nothing is left of the other program: no folder, and nothing that git remembers. */
async function assertNoWorktree(root: string): Promise<void> {
  assertEquals([...Deno.readDirSync(`${root}/temporary`)], []);
  assertEquals((await git(root, "worktree", "list")).split("\n").length, 1);
}

const read = async (path: string) => parseSweep(await Deno.readTextFile(`${path}/results.jsonl`));

gpuTest(
  "bench --against runs a commit by turns with what is there, finds what was planted, and leaves nothing behind",
  () =>
    withProgramCopy(async (root) => {
      await commitAll(root);
      // One byte more in every plan.
      await patch(
        root,
        "bench/results/measurement.ts",
        "return { savedBytes, live",
        "return { savedBytes: savedBytes + 1, live",
      );
      // So wide a tolerance that six rounds tell enough, but on a machine whose speed doubles meanwhile.
      const until = ["--precision", "99%", "--rounds", "8", "--json"];
      const { code, printed, said } = await bench(root, [...cell, ...steps, ...until, "--against", "HEAD"]);
      assertEquals(code, 0, said);
      const [base, own] = [await read(`${root}/report/base`), await read(`${root}/report`)];
      const [rounds, others] = [base, own].map(({ records }) =>
        records.map((one) => one.configuration.round)
      );
      const known = rounds.slice(0, -1);
      assert(known.length >= 6 && known.length <= 8, `${rounds}`);
      assertEquals(rounds, [...known.keys(), 8]); // the last one for drift
      assertEquals(others, rounds);
      assertEquals(own.header!.interleaved!.until, { tolerance: 0.99, fewestRounds: 6, maxSeconds: 300 });
      assertEquals(base.header!.environment.commit, await git(root, "rev-parse", "HEAD"));
      assertEquals([base.header!.environment.dirty, own.header!.environment.dirty], [false, true]);
      assert(base.header!.sources !== own.header!.sources);
      assertEquals(base.header!.interleaved!.run, own.header!.interleaved!.run);
      assertEquals([base.header!.interleaved!.side, own.header!.interleaved!.side], ["base", "new"]);
      if ((await testGpu()).adapter.class === "software") {
        assertEquals(base.header!.interleaved!.stepsPerTurn, 10);
      } else {
        const started = [...base.records, ...own.records].sort((a, b) => a.started < b.started ? -1 : 1);
        const commits = started.map((record) => base.records.includes(record) ? "base" : "new");
        assertEquals(commits, rounds.flatMap((round) => round % 2 === 0 ? ["base", "new"] : ["new", "base"]));
      }
      assertEquals(outputs.bench.parse(JSON.parse(printed)).kind, "sweep");
      assertMatch(said, /\| saved activations \| .* \| +\+1 B \(\+0\.00%\) \|/);
      assertStringIncludes(said, "memory changed in 1");
      await assertNoWorktree(root);

      const resumed = await bench(root, ["--resume", "report"]);
      assertEquals(resumed.code, 1);
      assertStringIncludes(resumed.said, "was run by turns with another commit");
    }),
);

gpuTest(
  "bench --against takes the other program away when it is interrupted, and keeps what is finished",
  () =>
    withProgramCopy(async (root) => {
      await commitAll(root);
      const once = await bench(root, [...sweep, "--against", "HEAD"], (process) => process.kill("SIGINT"));
      assertEquals(once.code, 130, once.said);
      assertStringIncludes(once.said, "run its command again, for what runs by turns cannot be resumed");
      assert((await read(`${root}/report/base`)).records.length > 0);
      await assertNoWorktree(root);
    }),
);

gpuTest(
  "bench --against refuses a commit whose cells mean something else, and leaves no folder",
  () =>
    withProgramCopy(async (root) => {
      await commitAll(root);
      await patch(
        root,
        "bench/results/cell_configuration.ts",
        "timedSteps: positive,",
        "timedSteps: positive, momentum: z.number().optional(),",
      );
      const { code, said } = await bench(root, [...sweep, "--against", "HEAD"]);
      assertEquals(code, 1, said);
      assertStringIncludes(said, "The program of HEAD means something else by a cell than this one");
      assertEquals(await Deno.stat(`${root}/report`).catch(() => null), null);
      await assertNoWorktree(root);
    }),
);
