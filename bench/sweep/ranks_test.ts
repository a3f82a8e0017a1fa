import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { ranksTest } from "../../src/ranks/testing.ts";
import { fakeConfiguration } from "../results/testing.ts";
import { withPrograms } from "../testing/programs.ts";
import { runInChild } from "./child.ts";

const text = new TextEncoder().encode("A text that is long enough to train on. ".repeat(40));

const size = { sequence: 17, batch: 2, timedSteps: 3, warmupSteps: 1, qualitySteps: 2, gradientEvery: 0 };

/** What a cell's processes say, of a step of this configuration. */
function run(changes: Parameters<typeof fakeConfiguration>[0]) {
  const configuration = fakeConfiguration({ ...size, ...changes });
  const limits = { askDriver: false, timeoutSeconds: 100, signal: new AbortController().signal };
  return runInChild({ configuration, paths: {}, text, requireGpu: false }, limits);
}

/** Does `work` where ranks are started by a shell script, which has `mpirun`'s arguments. */
function launchedBy(script: string, work: () => Promise<void>): Promise<void> {
  return withPrograms({ launch: script }, async () => {
    Deno.env.set("HEADROOM_MPIRUN", "launch");
    try {
      await work();
    } finally {
      Deno.env.delete("HEADROOM_MPIRUN");
    }
  });
}

for (const spread of ["sequence", "batch"] as const) {
  ranksTest(
    `runInChild() runs a cell on ranks that share a ${spread}, and tells what each took`,
    async () => {
      const [one, both] = [await run({}), await run({ ranks: 2, spread })].map(({ measurement }) =>
        measurement
      );
      assertEquals([both.status, both.message], ["ok", null]);
      one.quality!.trainingLosses.forEach((loss, i) =>
        assertAlmostEquals(both.quality!.trainingLosses[i]!, loss!, 1e-4)
      );
      assertAlmostEquals(both.quality!.validationLoss!, one.quality!.validationLoss!, 1e-4);
      assertEquals([one.ranks, both.ranks!.length], [undefined, 2]);
      for (const { host, bufferBytes, ledgerPeakBytes, exchanges } of both.ranks!) {
        assert(host.length > 0 && bufferBytes > 0 && ledgerPeakBytes >= bufferBytes);
        assertEquals(exchanges.length, size.timedSteps);
        const counts = exchanges.map(({ count, bytes }) => [count, bytes]);
        assert(exchanges.every(({ compute }) => compute === null || compute! > 0));
        assert(counts[0][0] > 0 && counts[0][1] > 0 && counts.every((each) => `${each}` === `${counts[0]}`));
      }
    },
  );
}

ranksTest("runInChild() names the rank that failed, and what it said", () =>
  launchedBy(
    'shift 2; exec mpirun -n 1 "$@" : -n 1 env HEADROOM_ADAPTER=none-such "$@"',
    async () => {
      const { measurement: { status, message } } = await run({ ranks: 2 });
      assertEquals(status, "error");
      assertMatch(message!, /^Rank 1: .*none-such/);
    },
  ));

ranksTest("runInChild() tells that a rank was killed, and whom mpirun names", () =>
  launchedBy(
    `said=$(mktemp)
exec 3<&0
mpirun "$@" 2>"$said" <&3 &
until rank=$(sed -n 's/^Rank 1 is process //p' "$said") && [ "$rank" ]; do sleep 0.1; done
sleep 1; kill -9 "$rank"; wait; cat "$said" >&2; rm "$said"; exit 9`,
    async () => {
      const { measurement: { status, message } } = await run({ ranks: 2, qualitySteps: 10_000_000 });
      assertEquals(status, "error");
      assertMatch(
        message!,
        /^A rank was ended by a signal, so the others were ended; mpirun names rank [01] \(process \d+ on [^)]+\): (Killed \(signal 9\)|Aborted \(signal 6\))$/,
      );
    },
  ));
