import { assertEquals } from "@std/assert";
import { profiles } from "./profiles.ts";
import { type CellConfiguration, type CellMeasurement, failed } from "./results.ts";
import { planSweep, runSweep, type SweepHost } from "./sweep.ts";
import { fakeMeasurement } from "./testing.ts";

const options = { ...profiles.smoke, policies: ["A", "B"], rounds: 2, qualitySteps: 7 };
const brief = ({ batch, policy, round }: CellConfiguration) => `${batch} ${policy} ${round}`;

function fakeHost(run: (cell: CellConfiguration) => CellMeasurement) {
  const finished: string[] = [];
  const controller = new AbortController();
  const host: SweepHost = {
    signal: controller.signal,
    run: (cell) => Promise.resolve(run(cell)),
    finished: (cell) => Promise.resolve(void finished.push(brief(cell))),
  };
  return { host, finished, controller };
}

Deno.test("planSweep() runs the policies of a comparison in turn, and measures quality once", () => {
  const cells = planSweep({ ...options, batches: [2, 4] });
  assertEquals(cells.map(brief), ["2 A 0", "2 B 0", "2 A 1", "2 B 1", "4 A 0", "4 B 0", "4 A 1", "4 B 1"]);
  assertEquals(cells.slice(0, 4).map((cell) => cell.qualitySteps), [7, 7, 0, 0]);
});

Deno.test("planSweep() takes each model's usual length where none is given", () => {
  const cells = planSweep({
    ...options,
    models: ["nano", "mini", "gpt2"],
    sequences: [],
    policies: ["A"],
    rounds: 1,
  });
  assertEquals(cells.map((cell) => cell.sequence), [128, 512, 1024]);
});

Deno.test("runSweep() gives up a cell that failed and goes on with the others", async () => {
  const { host, finished } = fakeHost(({ policy }) =>
    policy === "A" ? failed("oom", "Too much") : fakeMeasurement()
  );
  await runSweep(planSweep(options), host);
  assertEquals(finished, ["2 A 0", "2 B 0", "2 B 1"]);
});

Deno.test("runSweep() drops the cell under way when it is interrupted", async () => {
  const { host, finished, controller } = fakeHost(({ policy }) => {
    if (policy === "B") controller.abort();
    return fakeMeasurement();
  });
  await runSweep(planSweep(options), host);
  assertEquals(finished, ["2 A 0"]);
});
