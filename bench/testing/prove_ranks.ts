/**
 * Proves that ranks train as one process does. 2, 3 and 4 of them share reference cases, and give one process's losses and gradients, each time
 * the same bits. Where Slurm is installed, a job of two tasks on this host then runs a sweep; another loses a rank in mid-step, and ends with
 * a sentence and all that was finished. Some minutes on a software adapter; needs MPICH:
 *
 *     deno run -A bench/testing/prove_ranks.ts
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { withGpu } from "../../src/gpu/device.ts";
import { noRanks } from "../../src/ranks/testing.ts";
import { compareWithOne } from "../../src/train/ranks_comparison_testing.ts";
import type { Job } from "../../src/train/ranks_testing.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { parseSweep } from "../results/read_results.ts";
import type { CellRecord } from "../results/results.ts";
import { withFolder } from "./folder.ts";
import { runningWith } from "./processes.ts";
import { noSlurm, until, withSlurm } from "./slurm.ts";

let wrong = 0;

/** Prints a line of something that is to be so. */
async function prove(what: string, work: () => Promise<string>): Promise<void> {
  try {
    console.log(`ok    ${what}: ${await work()}`);
  } catch (error) {
    wrong++;
    console.log(`FAIL  ${what}: ${(error as Error).message.trim()}`);
  }
}

const jobs: Job[] = ["gpt2-ragged", "llama-ragged"].flatMap((folder): Job[] => [
  { folder, over: "sequence", changes: {} },
  { folder, over: "sequence", changes: { policy: "mst", accumulate: 2 } },
]);

async function proveSteps(): Promise<void> {
  await ensureAdapterEnvironment({ requireGpu: false });
  await withGpu({}, async (gpu) => {
    console.log(`On ${gpu.adapter.name}, beside one process:`);
    for (const size of [2, 3, 4]) {
      for (const job of jobs) {
        const { policy = "exact", accumulate = 1 } = job.changes;
        const how = accumulate > 1 ? `, ${accumulate} micro-batches` : "";
        await prove(`${size} ranks, ${job.folder}, ${policy}${how}`, async () => {
          const [{ loss, gradient }] = await compareWithOne(gpu, size, [job], true);
          const [ofLoss, ofGradient] = [loss, gradient].map((error) => error.toExponential(1));
          return `loss within ${ofLoss}, gradients by tensor within ${ofGradient}; again the same bits`;
        });
      }
    }
  });
}

const project = new URL("../..", import.meta.url).pathname;

/** Runs a sweep of two cells on two ranks as a Slurm job, beside `meanwhile`, which is told where its records are. */
async function runJob(
  slurm: Record<string, string>,
  folder: string,
  meanwhile: (results: string, mark: string) => Promise<void>,
): Promise<{ code: number; records: CellRecord[]; printed: string }> {
  const mark = { HEADROOM_PROOF: crypto.randomUUID() };
  const out = `${folder}/sweep`;
  await Deno.writeTextFile(
    `${folder}/job.sh`,
    `#!/bin/sh
export HEADROOM_MPIRUN='srun --mpi=pmi2 --kill-on-bad-exit'
exec '${Deno.execPath()}' run -A bench/main.ts bench --ranks 2 --model nano --policy exact --sequence 16,64 \\
  --batch 2 --steps 30 --warmup 1 --quality-steps 0 --rounds 1 --no-tune --out '${out}'
`,
  );
  const job = new Deno.Command("sbatch", {
    args: ["--wait", "--ntasks=2", `--chdir=${project}`, `--output=${folder}/log`, `${folder}/job.sh`],
    env: { ...slurm, ...mark },
    stdout: "null",
    stderr: "null",
  }).output();
  const [{ code }] = await Promise.all([
    job,
    meanwhile(`${out}/results.jsonl`, `HEADROOM_PROOF=${mark.HEADROOM_PROOF}`),
  ]);
  const printed = await Deno.readTextFile(`${folder}/log`);
  const text = await Deno.readTextFile(`${out}/results.jsonl`).catch(() => {
    throw new Error(`The job left no records: ${printed}`);
  });
  return { code, printed, records: parseSweep(text).records };
}

const recordsIn = async (results: string) =>
  (await Deno.readTextFile(results).catch(() => "")).split("\n").filter((line) => line.includes('"status"'))
    .length;

/** Kills rank 1 of the sweep's second cell when its steps have begun. */
async function killInMidStep(results: string, mark: string): Promise<void> {
  await until("the first cell is recorded", async () => await recordsIn(results) === 1, 120);
  let rank: number | undefined;
  await until("the second cell's rank 1 is at work", async () => {
    const ours = new Set((await runningWith(mark)).map(({ pid }) => pid));
    const ranks = await runningWith("SLURM_PROCID=1");
    rank = ranks.find(({ pid, command, atWork }) => ours.has(pid) && atWork && command.includes(" cell "))
      ?.pid;
    return rank !== undefined;
  });
  await new Promise((begun) => setTimeout(begun, 2000));
  Deno.kill(rank!, "SIGKILL");
}

async function proveJobs(slurm: Record<string, string>): Promise<void> {
  await prove("a Slurm job of two tasks runs a sweep", () =>
    withFolder(async (folder) => {
      const { code, records, printed } = await runJob(slurm, folder, () => Promise.resolve());
      assertEquals([code, records.map(({ status, ranks }) => [status, ranks?.length])], [0, [["ok", 2], [
        "ok",
        2,
      ]]], printed);
      return `${records.length} records, each of 2 ranks`;
    }));
  await prove("a Slurm job whose rank 1 is killed in mid-step ends", () =>
    withFolder(async (folder) => {
      const { code, records, printed } = await runJob(slurm, folder, killInMidStep);
      assert(code !== 0, "its exit code is 0");
      assertEquals(records.map(({ status }) => status), ["ok", "error"], printed);
      const message = records[1].message!;
      assertMatch(message, /^Rank 1 \(.+\) was killed \(SIGKILL\), so the others were ended$/);
      return `exit code ${code}, 2 records of 2: "${message}"`;
    }));
}

if (noRanks) throw new Error(`${noRanks}; on Debian: apt install mpich`);
await proveSteps();
const reason = await noSlurm();
if (reason) console.log(`left out: what Slurm does (${reason})`);
else await withSlurm(proveJobs);
if (wrong) console.log(`${wrong} of these are wrong`);
Deno.exit(wrong ? 1 : 0);
