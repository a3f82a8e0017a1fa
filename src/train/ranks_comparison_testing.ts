import { assert, assertEquals } from "@std/assert";
import { testGpu } from "../../kernels/testing/testing.ts";
import { ranksTest, runRanks } from "../ranks/testing.ts";
import { type Job, type Outcome, trainCase } from "./ranks_testing.ts";

/** What one process and several may differ by: in another order of sums. */
const limit = 1e-5;

/** A test of a number of ranks: each job is trained by one process and by those ranks, and gives the same; `repeated`: every time. */
export function comparisonTest(name: string, size: number, jobs: readonly Job[], repeated = false): void {
  ranksTest(name, async () => {
    const outcomes = await onRanks(size, repeated ? [...jobs, ...jobs] : jobs);
    for (const [i, job] of jobs.entries()) {
      const what = `${job.folder} ${JSON.stringify(job.changes)} on ${size} ranks`;
      const [first, ...others] = outcomes.map((each) => each[i]);
      assertAlike(first, await trainCase(await testGpu(), job), what);
      for (const other of others) assertEquals(other, first, what);
      if (repeated) assertEquals(outcomes[0][jobs.length + i], first, `${what}, again`);
    }
  });
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

function assertAlike(own: Outcome, one: Outcome, what: string): void {
  const close = (a: number[], b: number[], name: string) => {
    assertEquals(a.length, b.length, what);
    a.forEach((x, i) =>
      assert(Math.abs(x - b[i]) <= limit * Math.abs(b[i]), `${what}: ${name} ${x}, not ${b[i]}`)
    );
  };
  close(own.losses, one.losses, "loss");
  close([own.validation], [one.validation], "validation loss");
  close(own.norms, one.norms, "norm");
  assertEquals(Object.keys(own.gradients), Object.keys(one.gradients));
  for (const [name, values] of Object.entries(one.gradients)) {
    const norm = (of: (x: number, i: number) => number) => Math.hypot(...values.map(of));
    const error = norm((x, i) => x - own.gradients[name][i]) / norm((x) => x);
    assert(error <= limit, `${what}: gradient of ${name} differs by ${error}`);
  }
}
