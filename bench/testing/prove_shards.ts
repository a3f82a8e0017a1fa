/**
 * Runs a small sweep by one process, by a Slurm array of four and by GNU parallel of three, and compares what `merge` makes of their shards
 * with what the one process left: the same cells in the same order, memory and losses bit for bit. Some minutes on a software adapter; wants
 * GNU parallel and, as root, Slurm (apt install parallel slurm-wlm munge), whose daemons it starts. What is not installed is told, and left out:
 *
 *     deno run -A bench/testing/prove_shards.ts
 */

import { assertEquals } from "@std/assert";
import { checkFolder } from "../commands/check.ts";
import { parseSweep } from "../results/read_results.ts";
import { whatCounts } from "./breaking.ts";
import { installed, noSlurm, withSlurm } from "./slurm.ts";

const project = `${import.meta.dirname}/../..`;
const scripts = "docs/many-machines";
const sweep = [
  ...[
    "--model",
    "nano,vit-nano",
    "--sequence",
    "16,32",
    "--batch",
    "1,2",
    "--policy",
    "exact,mesa8",
    "--no-tune",
  ],
  ...["--rounds", "2", "--steps", "1", "--warmup", "0", "--quality-steps", "3"],
];

/** Where programs find Slurm. */
type Environment = Record<string, string>;

async function run(env: Environment, program: string, ...args: string[]): Promise<void> {
  const command = new Deno.Command(program, { args, env, cwd: project, stdout: "null", stderr: "piped" });
  const { code, stderr } = await command.output();
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
}

const bench = (...args: string[]) => run({}, Deno.execPath(), "run", "-A", "bench/main.ts", ...args);

async function recordsOf(folder: string) {
  return parseSweep(await Deno.readTextFile(`${folder}/results.jsonl`)).records;
}

const folder = await Deno.makeTempDir();
try {
  await bench("bench", ...sweep, "--out", `${folder}/one`);
  const expected = whatCounts(await recordsOf(`${folder}/one`));
  console.log(`One process: ${expected.length} records`);
  /** The sweep's shards in a folder each, below `base`, are together what one process left. */
  const prove = async (name: string, base: string, shards: number) => {
    const parts = Array.from({ length: shards }, (_, i) => `${base}/${i + 1}`);
    const counts = await Promise.all(parts.map(async (part) => (await recordsOf(part)).length));
    await bench("merge", ...parts, "--out", `${base}-merged`);
    assertEquals(whatCounts(await recordsOf(`${base}-merged`)), expected);
    const faults = (await checkFolder(`${base}-merged`)).filter(({ pass }) => !pass);
    console.log(`${name} of ${shards}: ${counts.join(" + ")} records, the same bit for bit`);
    for (const { text } of faults) console.log(`  check says: ${text}`);
  };
  const missing = await noSlurm();
  if (missing) console.log(`No Slurm array: ${missing}`);
  else {
    await withSlurm(async (env) => {
      const job = ["--wait", "--array=1-4", `--output=${folder}/%a.log`, `${scripts}/slurm.sh`];
      await run(env, "sbatch", ...job, `${folder}/slurm`, ...sweep);
    });
    await prove("A Slurm array", `${folder}/slurm`, 4);
  }
  if (!await installed("parallel")) console.log("No GNU parallel: it is not installed");
  else {
    await run({}, `${scripts}/parallel.sh`, `${folder}/parallel`, "3", ...sweep);
    await prove("GNU parallel", `${folder}/parallel`, 3);
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
