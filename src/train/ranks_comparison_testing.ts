import { assert, assertEquals } from "@std/assert";
import { testGpu } from "../../kernels/testing/testing.ts";
import { ranksTest, runRanks } from "../ranks/testing.ts";
import type { Gpu } from "../gpu/device.ts";
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

/**
 * A test of a number of ranks under a policy that stores in fewer bits: the first loss, which storage cannot change, is one process's, and the
 * gradients lie no farther from those of `exact` than one process's do: a rank's ranges are of fewer rows, so no wider.
 */
export function storageTest(name: string, size: number, jobs: readonly Job[]): void {
  ranksTest(name, async () => {
    const outcomes = await onRanks(size, jobs);
    for (const [i, job] of jobs.entries()) {
      const [first, ...others] = outcomes.map((each) => each[i]);
      for (const other of others) assertEquals(other, first);
      const gpu = await testGpu();
      const one = await trainCase(gpu, job);
      assert(Math.abs(first.losses[0] / one.losses[0] - 1) <= limit, "the first loss");
      const exact = await trainCase(gpu, { ...job, changes: { ...job.changes, policy: "exact" } });
      const [own, expected] = [first, one].map((outcome) => errorOf(outcome, exact));
      assert(own > 0 && own <= expected, `${job.folder}: error ${own} where one process has ${expected}`);
    }
  });
}
