/**
 * Shows that `bench --against` with `compare` finds nothing where nothing is and what was planted where something was: tries of a commit
 * against itself, in which every cell must be the same (`unsure` is a failure); a copy that runs 5% of each timed step's dispatches twice, by
 * the times that a profile of the step tells; and a copy whose largest buffer has one byte more. Wants a machine that does nothing else:
 *
 *     deno run -A bench/testing/prove_compare.ts [TRIES [PLANTED]]
 *
 * Ends with 1 if a verdict was wrong.
 */

import { project } from "../machine/environment.ts";
import { compareReports, type Comparison, usualTolerance } from "../compare/comparison.ts";
import { parseTimes, readReport } from "../results/read_results.ts";
import type { StepProfile } from "../kernels/step_profile.ts";
import { larger, type Plant, slower } from "./plants.ts";
import { commitAll, git, patch, withProgramCopy } from "./program_copy.ts";

const [tries = 10, plantedTries = Math.max(1, Math.ceil(tries / 3))] = Deno.args.map(Number);
const planted = 0.05;
/**
 * On a software adapter steps so short that a round has a thousand of them, as each differs from the next by a third; on a GPU, whose clock
 * tells a step to a thousandth, steps that keep it busy.
 */
const document = { name: "tiny", preset: "nano", layers: 1, width: 32, heads: 1 };
const { adapter } = JSON.parse(await run(project, "doctor", "--json"));
const [steps, size] = adapter?.class === "gpu"
  ? ["50", ["--model", "micro", "--batch", "8"]]
  : ["1000", ["--model", "tiny.json", "--sequence", "8", "--batch", "1"]];
const cell = [...size, "--policy", "exact"];
const known = ["--precision", `${100 * usualTolerance}%`, "--rounds", "60", "--max-time", "30min"];
const sweep = [...cell, "--warmup", "5", "--quality-steps", "2"];

/** Runs a command of the program in a folder. Returns what it prints. Throws what it complains of, if it fails. */
async function run(root: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "bench/main.ts", ...args],
    cwd: root,
  });
  const { code, stdout, stderr } = await command.output();
  if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** How many of the first dispatches of a step take the planted share of it, and what share they take: by the least times of three profiles. */
async function prefix(root: string): Promise<{ count: number; share: number }> {
  let least: number[] = [];
  for (const time of [1, 2, 3]) {
    const out = `${root}/profile-${time}`;
    await run(root, "bench", ...cell, "--profile-step", "--warmup", "5", "--no-tune", "--out", out);
    const { lines: [{ dispatches }] } = parseTimes<StepProfile>(
      await Deno.readTextFile(`${out}/results.jsonl`),
    );
    least = dispatches.map(({ milliseconds }, i) => Math.min(milliseconds, least[i] ?? Infinity));
  }
  const all = least.reduce((sum, milliseconds) => sum + milliseconds, 0);
  let [count, sum] = [0, 0];
  while (sum < planted * all) sum += least[count++];
  return { count, share: sum / all };
}

let wrong = 0;
let number = 0;

/** Compares what is in a copy with its commit, and holds the verdicts to what they must be. */
async function attempt(
  root: string,
  what: string,
  right: (comparison: Comparison) => boolean,
  changes = ["--steps", steps, ...known],
): Promise<void> {
  const out = `report-${++number}`;
  await run(root, "bench", ...sweep, ...changes, "--against", "HEAD", "--out", out);
  const [base, own] = [await readReport(`${root}/${out}/base`), await readReport(`${root}/${out}`)];
  const comparison = compareReports(base, own, { tolerance: usualTolerance, across: false });
  const told = comparison.cells.map(({ speed, memory, losses }) => {
    const interval = speed?.low == null ? "no interval" : `${speed.low.toFixed(4)}–${speed.high!.toFixed(4)}`;
    const bytes = (memory?.changes ?? []).map(({ base, own }) => own - base).join(", ");
    return `speed ${
      speed?.ratio.toFixed(4)
    } (${interval}) ${speed?.verdict} after ${speed?.rounds} rounds, memory ${memory?.verdict} (${bytes} B), losses ${losses?.verdict}`;
  });
  const good = right(comparison);
  if (!good) wrong++;
  console.log(`${good ? "right" : "WRONG"}  ${what}: ${told.join("; ")}`);
}

const every = (is: (cell: Comparison["cells"][number]) => boolean) => ({ cells }: Comparison) =>
  cells.every(is);

await withProgramCopy(async (root) => {
  const plant = ({ path, from, to }: Plant) => patch(root, path, from, to);
  await Deno.writeTextFile(`${root}/tiny.json`, JSON.stringify(document));
  await commitAll(root);
  for (let i = 1; i <= tries; i++) {
    await attempt(
      root,
      `nothing planted, ${i} of ${tries}`,
      every(({ speed, memory, losses }) =>
        speed?.verdict === "same" && memory?.verdict === "same" && losses?.verdict === "same"
      ),
    );
  }

  const { count, share } = await prefix(root);
  await plant(slower(count));
  for (let i = 1; i <= plantedTries; i++) {
    await attempt(
      root,
      `${count} dispatches twice, ${(100 * share).toFixed(1)}% of the step, ${i} of ${plantedTries}`,
      every(({ speed, memory }) => speed?.verdict === "slower" && memory?.verdict === "same"),
    );
  }
  await git(root, "checkout", "--quiet", slower(count).path);

  for (const each of larger) await plant(each);
  for (let i = 1; i <= plantedTries; i++) {
    await attempt(
      root,
      `a byte of memory, ${i} of ${plantedTries}`,
      every(({ memory }) => memory?.verdict === "more"),
      ["--steps", "4", "--rounds", "5"], // whose times say nothing
    );
  }
});
console.log(wrong === 0 ? "Every verdict was right" : `${wrong} verdicts were wrong`);
Deno.exit(wrong === 0 ? 0 : 1);
