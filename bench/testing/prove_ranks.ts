/**
 * Proves that ranks train as one process does. 2, 3 and 4 of them share reference cases, and give one process's losses and gradients, each time
 * the same bits, and the same where they shard Adam's moments; under `mesa8` gradients as accurate as its own bound says. Where Slurm is installed, jobs of two tasks on this host then sweep and train, by whatever starts the ranks; others lose a rank
 * in mid-step, and end with a sentence and all that was finished. Some minutes on a software adapter; needs MPICH:
 *
 *     deno run -A bench/testing/prove_ranks.ts
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { withGpu } from "../../src/gpu/device.ts";
import { noRanks } from "../../src/ranks/testing.ts";
import { compareSharded, compareStored, compareWithOne } from "../../src/train/ranks_comparison_testing.ts";
import type { Job } from "../../src/train/ranks_testing.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { parseSweep } from "../results/read_results.ts";
import type { CellRecord } from "../results/results.ts";
import { withFolder } from "./folder.ts";
import { runningWith } from "./processes.ts";
import { noSlurm, printedBy, until, withSlurm } from "./slurm.ts";
import { where } from "./where.ts";

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

/** Of one step, whose micro-batches but the first clip. */
const storedJobs = ["gpt2-ragged", "llama-ragged"].flatMap((folder) =>
  [1, 2].map((accumulate): Job => ({
    ...{ folder, over: "sequence", steps: 1, changes: { policy: "mesa8", accumulate } },
  }))
);

const backward = { update: "backward", clipBy: "last" } as const;

/** What may round, or wait, otherwise where moments are sharded. */
const shardedJobs: Job[] = ["gpt2-ragged", "llama-ragged"].flatMap((folder) =>
  (["sequence", "batch"] as const).flatMap((over): Job[] => [
    { folder, over, changes: {} },
    { folder, over, changes: { parameters: "bf16", moments: "8bit", accumulate: 2 } },
    { folder, over, changes: { ...backward, parameters: "f16", moments: "bf16" } },
    { folder, over, changes: { ...backward, moments: "8bit" } },
  ]).map((job) => job.over === "batch" ? { ...job, joined: 2, steps: job.changes.accumulate ? 1 : 2 } : job)
);

async function proveSteps(): Promise<void> {
  console.log(await where(await ensureAdapterEnvironment({ requireGpu: false })));
  await withGpu({}, async (gpu) => {
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
      for (const job of storedJobs) {
        const { accumulate = 1 } = job.changes;
        const how = accumulate > 1 ? `, ${accumulate} micro-batches` : "";
        await prove(`${size} ranks, ${job.folder}, mesa8${how}`, async () => {
          const [errors] = await compareStored(gpu, size, [job]);
          const [own, one, most] = [errors.own, errors.one, errors.most].map((error) =>
            error.toExponential(2)
          );
          return `gradients within ${own} of exact's, where one process has ${one} and the bound is ${most}`;
        });
      }
      await prove(`${size} ranks that shard Adam's moments`, async () => {
        await compareSharded(size, shardedJobs);
        return `${shardedJobs.length} runs, each the same bits as with all moments on every rank`;
      });
    }
  });
}

const project = new URL("../..", import.meta.url).pathname;

const task = `'${Deno.execPath()}' task --quiet`;

/** What a job's script says to run a sweep of two cells on two ranks: by words for `--ranks`, or as the tasks of a step. */
const sweeps = {
  "--ranks by srun":
    `export HEADROOM_MPIRUN='srun --mpi=pmi2 --kill-on-bad-exit'; exec ${task} bench --ranks 2`,
  "srun of bench": `exec srun -n 2 ${task} bench`,
  "mpirun of bench": `exec mpirun -n 2 ${task} bench`,
};

/** Runs a script as a Slurm job of two tasks. Returns its exit code, and what it printed. */
async function runJob(
  slurm: Record<string, string>,
  folder: string,
  script: string,
): Promise<{ code: number; printed: string }> {
  const ended = `${folder}/exit code`; // sbatch --wait looks every half minute
  await Deno.writeTextFile(`${folder}/job.sh`, `#!/bin/sh\n(${script})\necho $? >'${ended}'\n`);
  const job = ["--ntasks=2", `--chdir=${project}`, `--output=${folder}/log`, `${folder}/job.sh`];
  await printedBy("sbatch", job, slurm);
  const read = () => Deno.readTextFile(ended).catch(() => "");
  await until("the job has ended", async () => (await read()).endsWith("\n"), 300);
  return { code: Number(await read()), printed: await Deno.readTextFile(`${folder}/log`) };
}

/** Runs a sweep so, beside `meanwhile`, which is told where its records are. */
async function runSweep(
  slurm: Record<string, string>,
  folder: string,
  how: keyof typeof sweeps,
  meanwhile: (results: string, mark: string) => Promise<void> = () => Promise.resolve(),
): Promise<{ code: number; records: CellRecord[]; printed: string }> {
  const HEADROOM_PROOF = crypto.randomUUID();
  const out = `${folder}/sweep`;
  const options = "--model nano --policy exact --sequence 16,64 --batch 2 --steps 30 --warmup 1";
  const script = `${sweeps[how]} ${options} --quality-steps 0 --rounds 1 --no-tune --out '${out}'`;
  const [{ code, printed }] = await Promise.all([
    runJob({ ...slurm, HEADROOM_PROOF }, folder, script),
    meanwhile(`${out}/results.jsonl`, `HEADROOM_PROOF=${HEADROOM_PROOF}`),
  ]);
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
    rank = ranks.find(({ pid, command, atWork }) =>
      ours.has(pid) && atWork && command.includes(" rank cell ")
    )
      ?.pid;
    return rank !== undefined;
  });
  await new Promise((begun) => setTimeout(begun, 2000));
  Deno.kill(rank!, "SIGKILL");
}

async function proveJobs(slurm: Record<string, string>): Promise<void> {
  for (const how of Object.keys(sweeps) as (keyof typeof sweeps)[]) {
    await prove(`a Slurm job of two tasks runs a sweep, ${how}`, () =>
      withFolder(async (folder) => {
        const { code, records, printed } = await runSweep(slurm, folder, how);
        const told = records.map(({ status, ranks }) => [status, ranks?.length]);
        assertEquals([code, told], [0, [["ok", 2], ["ok", 2]]], printed);
        assertEquals(printed.match(/The report is in/g)?.length, 1, printed);
        return `${records.length} records, each of 2 ranks`;
      }));
  }
  await prove("a Slurm job of two tasks trains, srun of train", () =>
    withFolder(async (folder) => {
      const options = "--steps 3 --sequence 16 --batch 2 --no-tune --sample-tokens 0";
      const script = `exec srun --mpi=pmi2 -n 2 ${task} train ${options}`;
      const { code, printed } = await runJob(slurm, folder, script);
      assertEquals([code, printed.match(/^step 3\/3 · loss \d/gm)?.length], [0, 1], printed);
      assertMatch(printed, /, 2 ranks that share every sequence, /);
      return "each loss is told once";
    }));
  for (const how of ["--ranks by srun", "srun of bench"] as const) {
    await prove(
      `a Slurm job whose rank 1 is killed in mid-step ends, ${how}`,
      () =>
        withFolder(async (folder) => {
          const { code, records, printed } = await runSweep(slurm, folder, how, killInMidStep);
          assert(code !== 0, "its exit code is 0");
          assertEquals(records.map(({ status }) => status), ["ok", "error"], printed);
          const message = records[1].message!;
          assertMatch(message, /^Rank 1 \(.+\) was killed \(SIGKILL\), so the others were ended$/);
          return `exit code ${code}, 2 records of 2: "${message}"`;
        }),
    );
  }
}

if (noRanks) throw new Error(`${noRanks}; on Debian: apt install mpich`);
await proveSteps();
const reason = await noSlurm();
if (reason) console.log(`left out: what Slurm does (${reason})`);
else await withSlurm(proveJobs);
if (wrong) console.log(`${wrong} of these are wrong`);
Deno.exit(wrong ? 1 : 0);
