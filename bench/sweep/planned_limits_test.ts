import { assert, assertEquals } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { fakeConfiguration, fakeMeasurement } from "../results/testing.ts";
import { proves } from "./longest.ts";
import { exceeds, planStep } from "./planned_step.ts";
import { Pace } from "../training/pace.ts";

Deno.test("proves() wants the cell of a longest sequence, those named beside it, and the first policy's", () => {
  const { memory } = fakeMeasurement();
  const one = {
    model: "nano",
    batch: 1,
    policy: "mst8",
    sequence: 256,
    memory,
    limit: { of: "memory" as const, wanted: 2, most: 1 },
  };
  const search = {
    policies: ["exact", "mst8", "mst"].map(policyDocument),
    longest: { unit: 64, choices: [], beside: { mst8: ["mst"] } },
  };
  const wanted = (changes: Parameters<typeof fakeConfiguration>[0]) =>
    proves(fakeConfiguration({ batch: 1, sequence: 256, policy: "mst8", ...changes }), {
      unit: 64,
      found: [one],
    }, search as unknown as Parameters<typeof proves>[2]);
  assertEquals([{}, { policy: "exact" }, { policy: "mst" }].map(wanted), [true, true, true]);
  const others = [{ policy: "half" }, { sequence: 128 }, { batch: 2 }, { model: "micro" }, {
    moments: "8bit" as const,
  }];
  assertEquals(others.map(wanted), others.map(() => false));
});

Deno.test("exceeds() holds of more than there is", () => {
  assertEquals([4, 5].map((wanted) => exceeds({ of: "memory", wanted, most: 4 })), [false, true]);
});

Deno.test("planStep() tells the seconds of all micro-batches", () => {
  const own = {
    model: modelConfig("nano"),
    sequence: 32,
    batch: 1,
    policy: policyDocument("exact"),
    seed: 0,
  };
  const seconds = [1, 4].map((accumulate) =>
    planStep({ ...own, accumulate }, gpuWith(typicalGpuLimits)).seconds!
  );
  assert(seconds[1] > 2 * seconds[0], `${seconds}`);
});

Deno.test("Pace tells seconds of the processor by the machine's own clocks", () => {
  const pace = new Pace();
  pace.begin();
  for (const until = performance.now() + 200; performance.now() < until;);
  pace.mark();
  const { seconds, processorSeconds } = pace.told;
  assert(
    seconds >= 0.2 && processorSeconds > 0.02 && processorSeconds < 16 * seconds,
    `${seconds} ${processorSeconds}`,
  );
});
