import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { builderOptionsFor } from "../../src/gpu/builder.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { profiles } from "../sweep/profiles.ts";
import { stepsOfTime } from "../sweep/reinvested_cells.ts";
import { planSweep } from "../sweep/sweep.ts";
import { planReinvestment } from "./reinvest.ts";
import { loadAll, planner } from "./run_bench.ts";

/** A small re-investment, planned after its steps were timed within so many seconds each. */
async function planned(timeoutSeconds: number) {
  const builder = builderOptionsFor(await testGpu());
  const options = {
    ...profiles.reinvest("software"),
    ...{ sequences: [16], batches: [4], qualitySteps: 50, seeds: 1, rounds: 1, steps: 1, data: undefined },
    policies: ["exact", "mesa8"].map(policyDocument),
  };
  const dataOf = await loadAll(planSweep(options), {});
  const host = { dataOf, paths: {}, requireGpu: false, timeoutSeconds };
  const plan = planner(dataOf, builder, undefined);
  const planned = await planReinvestment(options, builder, { ...host, plan });
  assert("cells" in planned);
  const timed = planned.cells.flatMap(({ reinvested, qualitySteps }) =>
    reinvested?.pace ? [{ pace: reinvested.pace, qualitySteps }] : []
  );
  return { ...planned, timed };
}

gpuTest("planReinvestment() times steps first, and trains for as many as take exact's time", async () => {
  const { found, timed } = await planned(60);
  assert(timed.length >= 1, "at least a larger batch");
  for (const { pace, qualitySteps } of timed) {
    assert(pace.exact > 0 && pace.own > 0 && pace.own !== pace.exact);
    assertEquals(qualitySteps, stepsOfTime(50, pace));
  }
  assertEquals(found.reinvest!.map(({ model, batch }) => [model, batch]), [["nano", 4]]);
});

gpuTest(
  "planReinvestment() tells what could not be timed, and trains it for as many tokens alone",
  async () => {
    const told: string[] = [];
    const print = console.error;
    console.error = (line: string) => void told.push(line);
    try {
      const { cells, timed } = await planned(0.01);
      assert(cells.length > 1);
      assertEquals(timed, []);
    } finally {
      console.error = print;
    }
    const line = told.find((line) =>
      line.startsWith("Not timed, and so not trained for as long as `exact`: ")
    );
    for (const name of ["nano 4 × 16 exact", "× 16 mesa8"]) assertStringIncludes(line!, name);
  },
);
