import { assert, assertEquals } from "@std/assert";
import { testGpu } from "../../kernels/testing/testing.ts";
import { ranksTest, runRanks } from "../ranks/testing.ts";
import type { Gpu } from "../gpu/device.ts";
import { policyDocument } from "../storage/policies.ts";
import { type Job, type Outcome, trainCase } from "./ranks_testing.ts";

/** What one process and several may differ by: in another order of sums. */
const limit = 1e-5;

/** A test of a number of ranks: each job is trained by one process and by those ranks, and gives the same; `repeated`: every time. */
export function comparisonTest(name: string, size: number, jobs: readonly Job[], repeated = false): void {
  ranksTest(name, async () => void await compareWithOne(await testGpu(), size, jobs, repeated));
}

/**
 * Trains each job by one process and by so many ranks; `repeated`: twice by these, which must give the same bits. Returns the largest relative
 * differences of each from the one process's. Throws an AssertionError where they are not the same.
 */
export async function compareWithOne(
  gpu: Gpu,
  size: number,
  jobs: readonly Job[],
  repeated: boolean,
): Promise<Differences[]> {
  const outcomes = await onRanks(size, repeated ? [...jobs, ...jobs] : jobs);
  const found: Differences[] = [];
  for (const [i, job] of jobs.entries()) {
    const what = `${job.folder} ${JSON.stringify(job.changes)} on ${size} ranks`;
    const [first, ...others] = outcomes.map((each) => each[i]);
    found.push(assertAlike(first, await trainCase(gpu, job), what));
    for (const other of others) assertEquals(other, first, what);
    if (repeated) assertEquals(outcomes[0][jobs.length + i], first, `${what}, again`);
  }
  return found;
}

/** A test of a number of ranks: each job gives the same bits whether they shard Adam's moments or not. */
export function shardingTest(name: string, size: number, jobs: readonly Job[]): void {
  ranksTest(name, () => compareSharded(size, jobs));
}

/** Trains each job by so many ranks that have all moments, and by as many that shard them. Throws an AssertionError where any bit differs. */
export async function compareSharded(size: number, jobs: readonly Job[]): Promise<void> {
  const sharded = (job: Job): Job => ({ ...job, changes: { ...job.changes, sharding: "moments" } });
  const outcomes = await onRanks(size, jobs.flatMap((job) => [job, sharded(job)]));
  for (const [i, { folder, changes }] of jobs.entries()) {
    for (const own of outcomes) {
      assertEquals(
        own[2 * i + 1],
        outcomes[0][2 * i],
        `${folder} ${JSON.stringify(changes)} on ${size} ranks`,
      );
    }
  }
}

/** The largest relative differences of losses, and of the gradient of a tensor. */
interface Differences {
  readonly loss: number;
  readonly gradient: number;
}

/** What came of the jobs, by rank. */
async function onRanks(size: number, jobs: readonly Job[]): Promise<Outcome[][]> {
  const folder = await Deno.makeTempDir();
  try {
    const program = new URL("ranks_testing.ts", import.meta.url);
    const { code, errors } = await runRanks(size, program, [JSON.stringify(jobs), folder]);
    assertEquals(code, 0, errors);
    const files = Array.from({ length: size }, (_, rank) => Deno.readTextFile(`${folder}/${rank}.json`));
    return (await Promise.all(files)).map((text) => JSON.parse(text));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function assertAlike(own: Outcome, one: Outcome, what: string): Differences {
  const close = (a: number[], b: number[], name: string) => {
    assertEquals(a.length, b.length, what);
    a.forEach((x, i) =>
      assert(Math.abs(x - b[i]) <= limit * Math.abs(b[i]), `${what}: ${name} ${x}, not ${b[i]}`)
    );
    return Math.max(...a.map((x, i) => Math.abs(x / b[i] - 1)));
  };
  const loss = close(own.losses, one.losses, "loss");
  close([own.validation], [one.validation], "validation loss");
  close(own.norms, one.norms, "norm");
  assertEquals(Object.keys(own.gradients), Object.keys(one.gradients));
  const errors = Object.keys(one.gradients).map((name) => {
    const error = errorOf(own, one, [name]);
    assert(error <= limit, `${what}: gradient of ${name} differs by ${error}`);
    return error;
  });
  return { loss, gradient: Math.max(0, ...errors) };
}

/** ‖g − r‖ / ‖r‖ of these gradients together. */
function errorOf(own: Outcome, reference: Outcome, names = Object.keys(reference.gradients)): number {
  let [difference, whole] = [0, 0];
  for (const name of names) {
    reference.gradients[name].forEach((r, i) => {
      difference += (own.gradients[name][i] - r) ** 2;
      whole += r ** 2;
    });
  }
  return Math.sqrt(difference / whole);
}

/** A test of a number of ranks: each job, under a policy that stores in fewer bits, is as `compareStored` asks. */
export function storageTest(name: string, size: number, jobs: readonly Job[]): void {
  ranksTest(name, async () => void await compareStored(await testGpu(), size, jobs));
}

/** How far all gradients together lie from those of `exact`, relatively. */
interface Stored {
  readonly own: number;
  readonly one: number;
  /** How far ranks' may. */
  readonly most: number;
}

/**
 * Trains each job, under a policy whose ranges are estimates, by one process and by so many ranks. The first loss, which storage cannot change
 * before an update, is one process's. Of the gradients' error from those of `exact`, the square has two parts:
 * - rounding, which is all of it where ranges are this batch's own: a rank's ranges are of fewer rows, so no wider, and it is no larger;
 * - clipping, in micro-batches behind the first, by ranges that one before has set nine tenths of. Of n numbers about one lies beyond the
 *   most of n others, whatever n: each rank clips as many as one process does, so N ranks N times as many, each no farther.
 *
 * Throws an AssertionError where an error is larger than both parts allow.
 */
export async function compareStored(gpu: Gpu, size: number, jobs: readonly Job[]): Promise<Stored[]> {
  const current = ({ changes, ...job }: Job): Job => ({
    ...job,
    changes: { ...changes, policy: { ...policyOf(changes), ranges: "current" } },
  });
  const outcomes = await onRanks(size, jobs.flatMap((job) => [job, current(job)]));
  const found: Stored[] = [];
  for (const [i, job] of jobs.entries()) {
    const what = `${job.folder} ${JSON.stringify(job.changes)} on ${size} ranks`;
    const [first, ...others] = outcomes.map((each) => each.slice(2 * i, 2 * i + 2));
    for (const other of others) assertEquals(other, first, what);
    const exact = await trainCase(gpu, { ...job, changes: { ...job.changes, policy: "exact" } });
    const alone = [await trainCase(gpu, job), await trainCase(gpu, current(job))];
    for (const [j, { losses: [loss] }] of first.entries()) {
      assert(Math.abs(loss / alone[j].losses[0] - 1) <= limit, `${what}: first loss`);
    }
    const [own, rounding] = first.map((outcome) => errorOf(outcome, exact));
    const [one, roundingOfOne] = alone.map((outcome) => errorOf(outcome, exact));
    assert(rounding > 0 && rounding <= roundingOfOne, `${what}: ${rounding} of ${roundingOfOne} by rounding`);
    const most = Math.sqrt(roundingOfOne ** 2 + size * Math.max(0, one ** 2 - roundingOfOne ** 2));
    assert(own > 0 && own <= most, `${what}: ${own}, more than ${most}; one process has ${one}`);
    found.push({ own, one, most });
  }
  return found;
}

/** The document of the policy by which a job stores. */
const policyOf = ({ policy = "exact" }: Job["changes"]) =>
  typeof policy === "string" ? policyDocument(policy) : policy;
