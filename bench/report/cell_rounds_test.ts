import { assertEquals } from "@std/assert";
import { gpt2Presets } from "../../src/models/gpt2/config.ts";
import { compare } from "./cell_rounds.ts";
import { names } from "./side_by_side.ts";
import { fakeImageRecord, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";

const schedule = { warmupSteps: 1, totalSteps: 10, minimumFraction: 0 };

Deno.test("compare() puts together what differs in policy, round, seed and length of training", () => {
  const [comparison, ...others] = compare([
    fakeRecord(),
    fakeRecord({ policy: "mesa8", gradientEvery: 10, variants: { "matmul nn 1×1×1": "some" } }),
    fakeRecord({ seed: 2, round: 1 }),
    fakeRecord({ round: 2, qualitySteps: 0, schedule }),
  ]);
  assertEquals(others, []);
  assertEquals([...comparison.cells].map(([policy, cell]) => [policy, cell.records.length]), [
    ["exact", 3],
    ["mesa8", 1],
  ]);
});

Deno.test("compare() keeps apart what was trained otherwise", () => {
  const records = [
    fakeRecord(),
    fakeRecord({ batch: 8 }),
    fakeRecord({ labelSmoothing: 0.1 }),
    fakeRecord({ accumulate: 2 }),
    fakeImageRecord(),
    ...[64, 128].map((positions) =>
      fakeRecord({ model: "mine", modelDocument: { ...gpt2Presets.nano, name: "mine", positions } })
    ),
  ];
  assertEquals(compare(records).length, 7);
});

Deno.test("a cell pairs training runs by seed", () => {
  const trained = (policy: string, seed: number, loss: number) =>
    fakeRecord({ policy, seed, round: seed - 1 }, { quality: fakeQuality(loss) });
  const [{ cells }] = compare([
    ...[trained("exact", 1, 3), trained("exact", 3, 5), trained("exact", 2, 4)],
    ...[trained("half", 2, 4.5), trained("half", 1, 3.5), trained("half", 4, 9)],
    fakeRecord({ policy: "half", round: 4, qualitySteps: 0 }, { quality: null }),
  ]);
  const pairs = cells.get("half")!.pairedQualities(cells.get("exact")!);
  assertEquals(pairs.map(({ own, base }) => [own.validationLoss, base.validationLoss]), [[4.5, 4], [3.5, 3]]);
});

Deno.test("a cell counts images where its model looks at them", () => {
  const [[text], [images]] = [[fakeRecord()], [fakeImageRecord()]].map((
    records,
  ) => [...compare(records)[0].cells.values()]);
  assertEquals([text.imagesPerSecond, Math.round(images.imagesPerSecond!)], [null, 364]); // 4 in 11 ms
});

Deno.test("a cell counts the tokens of all micro-batches of a step, and is named by their number", () => {
  const [one, four] = compare([fakeRecord(), fakeRecord({ accumulate: 4 })]);
  const rateOf = ({ cells }: typeof one) => cells.get("exact")!.tokensPerSecond!;
  assertEquals(rateOf(four), 4 * rateOf(one));
  assertEquals([names(one), names(four)], [["nano", "4 × 128"], ["nano", "4 × 4 × 128"]]);
});

Deno.test("compare() takes no cell that was run once more at the end, nor one in which memory was re-invested", () => {
  const apart = [
    fakeRecord({ round: 3, again: true }),
    fakeRecord({ round: 1, reinvested: { model: "nano", batch: 4, into: "batch" } }),
  ];
  const comparisons = compare([fakeRecord(), ...apart]);
  assertEquals(comparisons.map(({ cells }) => [...cells.values()].map(({ records }) => records.length)), [[
    1,
  ]]);
});

Deno.test("a cell's driver figure and its step in a round are medians, without growths by less than its buffers", () => {
  const { memory, timing } = fakeMeasurement();
  const { bufferBytes } = memory!;
  const records = [30, 10, 80, -1, -1].map((more, round) =>
    fakeRecord({ round }, {
      memory: { ...memory!, driverBytes: bufferBytes + more },
      timing: { ...timing!, stepMilliseconds: [Math.abs(more), 1, 20] },
    })
  );
  const cell = compare(records)[0].cells.get("exact")!;
  assertEquals([cell.driverBytes! - bufferBytes, [...cell.stepByRound.values()]], [30, [20, 10, 20, 1, 1]]);
  const shared = records.map((own) => ({ ...own, ranks: [] }));
  assertEquals(compare(shared)[0].cells.get("exact")!.driverBytes, bufferBytes + 10, "of ranks all count");
});
