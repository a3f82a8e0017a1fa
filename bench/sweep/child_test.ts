import { assertEquals, assertMatch } from "@std/assert";
import { fakeConfiguration } from "../results/testing.ts";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { withFolder } from "../testing/folder.ts";
import { withPrograms } from "../testing/programs.ts";
import { runInChild } from "./child.ts";

const text = new TextEncoder().encode("A text that is long enough to train on. ".repeat(40));

const size = { sequence: 16, batch: 1, timedSteps: 1, warmupSteps: 0, qualitySteps: 1 };

/** What a cell's process says, of a step of this configuration. */
function child(
  changes: Parameters<typeof fakeConfiguration>[0],
  options: Partial<Parameters<typeof runInChild>[1]> = {},
  stepsPerTurn?: number,
) {
  const configuration = fakeConfiguration({ ...size, ...changes });
  const limits = { askDriver: false, timeoutSeconds: 600, signal: new AbortController().signal, ...options };
  return runInChild({ configuration, paths: {}, text, requireGpu: false, stepsPerTurn }, limits);
}

/** A cell that takes longer than any test. */
const endless = { qualitySteps: 10_000_000 };

gpuTest("runInChild() gives what a process measured, and what it read", async () => {
  const { measurement, data } = await child({});
  assertEquals([measurement.status, measurement.quality?.trainingLosses.length], ["ok", 1]);
  assertEquals([data?.name, data?.kind === "text" && data.trainTokens + data.validationTokens], [
    "deno types",
    text.length,
  ]);
});

gpuTest(
  "runInChild() tells the card's state where the driver may be asked",
  async () => {
    const { name } = (await testGpu()).adapter;
    const script = `case "$1" in *,name) echo '1755, 1980, 312.50, 61, 0x0000000000000004, ${name}' ;; esac`;
    await withPrograms({ "nvidia-smi": script }, async () => {
      const [asked, silent] = [await child({}, { askDriver: true }), await child({})];
      assertEquals(asked.measurement.timing?.card, {
        ...{ clockMegahertz: 1755, maxClockMegahertz: 1980, watts: 312.5, celsius: 61 },
        slowedBy: ["software power cap"],
      });
      assertEquals([silent.measurement.status, silent.measurement.timing?.card], ["ok", undefined]);
    });
  },
  Deno.build.os === "windows" && "programs are shell scripts",
);

gpuTest("runInChild() kills a process at its time limit, and says so", async () => {
  const { measurement, data } = await child(endless, { timeoutSeconds: 1 });
  assertEquals([measurement.status, data], ["timeout", null]);
  assertMatch(measurement.message!, /^Not finished after 1 s: allow more with --timeout$/);
});

gpuTest("runInChild() ends a process at once when the sweep is interrupted", async () => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), 300);
  assertEquals((await child(endless, { signal: controller.signal })).measurement.status, "error");
  assertEquals((await child({}, { signal: controller.signal })).measurement.status, "error");
});

gpuTest("runInChild() grants each turn that a process asks for, and it waits for it", async () => {
  let turns = 0;
  const turn = async () => {
    turns++;
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const { measurement } = await child({ timedSteps: 5 }, { turn }, 2);
  assertEquals([measurement.status, measurement.timing?.stepMilliseconds.length], ["ok", 5]);
  assertEquals(turns, 4); // two steps, two, one, and the reference
  const never = await child({}, { turn: () => new Promise(() => {}), timeoutSeconds: 4 }, 1);
  assertEquals(never.measurement.status, "timeout");
});

gpuTest("runInChild() tells what a process said of its end", async () => {
  const { measurement } = await child({ sequence: 4096, model: "nano" });
  assertEquals(measurement.status, "error");
  assertMatch(measurement.message!, /4096/);
});

gpuTest(
  "runInChild() tells what a process said before it aborted, as an addon does",
  () =>
    withFolder(async (program) => {
      await Deno.mkdir(`${program}/bench`);
      await Deno.writeTextFile(`${program}/deno.json`, "{}");
      await Deno.writeTextFile(
        `${program}/bench/main.ts`,
        `import process from "node:process";
       console.error("Dawn: out of something\\nWarning: of no matter");
       process.abort();`,
      );
      const { measurement } = await child({}, { program });
      assertEquals([measurement.status, measurement.message], [
        "error",
        "The process was ended by SIGABRT: Dawn: out of something",
      ]);
    }),
);
