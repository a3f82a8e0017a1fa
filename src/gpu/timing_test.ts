import { assertEquals } from "@std/assert";
import { gpuTest, runTest, testGpu } from "../../kernels/testing/testing.ts";
import { durations, stepMilliseconds, StepTimer, writesOfRun } from "./timing.ts";

const gpu = await testGpu();

/** Begin and end of three steps, in nanoseconds; between the second and the third lie 2.5 ms. */
const times = BigUint64Array.of(5_000_000n, 7_000_000n, 7_000_000n, 7_500_000n, 10_000_000n, 14_000_000n);

Deno.test("stepMilliseconds() counts the gap behind a step as the step's, durations() as nobody's", () => {
  assertEquals(stepMilliseconds(times), [2, 3, 4]);
  assertEquals(durations(times), [2, 0.5, 4]);
});

Deno.test("writesOfRun() times a burst from its first run's begin to its last one's end", () => {
  const querySet = {} as GPUQuerySet;
  const of = (runs: number) =>
    Array.from(
      { length: runs },
      (_, run) => writesOfRun({ querySet, begin: 4, end: 5 }, run === 0, run === runs - 1),
    );
  assertEquals(of(1), [{ querySet, begin: 4, end: 5 }]);
  assertEquals(of(3), [{ querySet, begin: 4 }, { querySet }, { querySet, end: 5 }]);
});

gpuTest("StepTimer shares the wall clock's time equally where the device has no timestamps", async () => {
  let now = 1000;
  const timer = await StepTimer.create({ ...gpu, timestamps: false }, 3, () => now);
  assertEquals(timer.writes(0), undefined);
  timer.start();
  now += 60;
  assertEquals(await timer.finish(), { stepMilliseconds: [20, 20, 20], clock: "wall" });
});

/** out[0] = a number that takes some time to find, so that the clocks of all adapters move. */
const code = `
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;
@compute @workgroup_size(1) fn main() {
  var x = out[0];
  for (var i = 0; i < 2000; i++) { x = sin(x) + 1.0; }
  out[0] = x;
}`;

gpuTest("StepTimer.finish() and durations() agree on a step that none follows", async () => {
  await runTest((t) => {
    const tensor = t.input("out", 1, 4, [1, 2, 3, 4]);
    t.builder.dispatch({
      kernel: { label: "slow", code },
      bindings: [{ group: 0, index: 1, tensor, access: "update" }],
      ...{ parameters: {}, workgroups: 1, flops: 0 },
    });
  }, async (_, __, program) => {
    const timer = await StepTimer.create(gpu, 1);
    program.run(timer.writes(0));
    assertEquals(await timer.finish(), { stepMilliseconds: await timer.durations(), clock: "gpu" });
    timer.destroy();
  });
}, !gpu.timestamps && "this adapter has no timestamps");
