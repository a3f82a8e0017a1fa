import { assertEquals } from "@std/assert";
import { parseSweep } from "../results/read_results.ts";
import type { CellConfiguration, CellRecord } from "../results/results.ts";
import { fakeErrors, fakeHeader, fakeImageRecord, fakeQuality, fakeRecord } from "../results/testing.ts";
import { checkSweep } from "./check_sweep.ts";

/** What is wrong with a sweep that has these records and no others. */
function faults(...records: CellRecord[]): string[] {
  const text = [fakeHeader(records), ...records].map((line) => JSON.stringify(line)).join("\n");
  return checkSweep(parseSweep(text)).filter(({ pass }) => !pass).map(({ text }) => text);
}

const name = "nano 4 × 128 exact, round 1";
const trained = fakeRecord({ qualitySteps: 2 });
const timed = fakeRecord({ qualitySteps: 0 }, { quality: null });
const unfit = { status: "oom", timing: null, quality: null } as const;

Deno.test("checkSweep() finds a run that came to its end without times or losses, and passes one that trains nothing", () => {
  assertEquals([faults(trained), faults(timed)], [[], []]);
  assertEquals(faults({ ...trained, timing: null }), [`${name} ran to its end and has no times`]);
  assertEquals(faults({ ...trained, quality: null }), [`${name} trained 2 steps and has no losses`]);
});

Deno.test("checkSweep() finds too few steps, and steps that took no time", () => {
  const of = (...stepMilliseconds: number[]) =>
    faults({ ...timed, timing: { ...timed.timing!, stepMilliseconds } });
  assertEquals(of(1, 2, 0.001), []);
  assertEquals(of(1, 2), [`${name} has times of 2 steps, where 3 were timed`]);
  for (const none of [0, -1]) assertEquals(of(1, none, 2), [`${name} has a step that took no time`]);
});

Deno.test("checkSweep() finds times and losses of what ran out of memory", () => {
  const fault = [`${name} ran out of memory and has times or losses`];
  assertEquals(faults({ ...trained, ...unfit }), []);
  assertEquals(faults({ ...trained, ...unfit, timing: trained.timing }), fault);
  assertEquals(faults({ ...trained, ...unfit, quality: trained.quality }), fault);
});

Deno.test("checkSweep() asks what diverged for a loss that is no number, or for what says otherwise", () => {
  const diverged = { ...trained, status: "diverged", message: null } as const;
  assertEquals(faults(diverged), [`${name} diverged, and nothing says where`]);
  assertEquals(faults({ ...diverged, quality: fakeQuality(null) }), []);
  assertEquals(faults({ ...diverged, quality: fakeQuality(3, { trainingLosses: [5, null] }) }), []);
  assertEquals(faults({ ...diverged, message: "The gradient of a step is no number" }), []);
});

Deno.test("checkSweep() finds a negative validation loss, of whatever status", () => {
  const fault = [`${name} has a negative validation loss`];
  assertEquals(faults({ ...trained, quality: fakeQuality(-0.5) }), fault);
  const message = "The loss of a timed step is no number";
  assertEquals(faults({ ...trained, status: "diverged", message, quality: fakeQuality(-0.5) }), fault);
});

Deno.test("checkSweep() finds live tensors that their buffers have no room for", () => {
  const memory = { ...timed.memory!, livePeakBytes: timed.memory!.bufferBytes + 1 };
  assertEquals(faults({ ...timed, memory }), [`${name} has more bytes of live tensors than of buffers`]);
});

Deno.test("checkSweep() finds gradient errors that are missing, but for all of a cell beside which exact's do not fit", () => {
  const of = (steps: number[], changes: Partial<CellConfiguration> = {}) =>
    fakeRecord({ policy: "half", qualitySteps: 4, gradientEvery: 2, ...changes }, {
      quality: fakeQuality(3, {
        trainingLosses: [5, 4, 3, 2],
        gradientErrors: steps.map((step) => fakeErrors(step, 0.1)),
      }),
    });
  const half = "nano 4 × 128 half, round";
  assertEquals(faults(of([2, 4])), []);
  assertEquals(faults(of([])), []);
  assertEquals(faults(of([3], { gradientEvery: 3 })), []);
  const few = `${half} 1 has gradient errors at 1 steps, which are not the 2 planned`;
  assertEquals(faults(of([2])), [few]);
  assertEquals(faults(of([1, 2])), [few.replace("at 1", "at 2")]);
  assertEquals(faults(of([2], { gradientEvery: 0 })), [few.replace("the 2", "the 0")]);
  assertEquals(faults(of([2, 4]), of([], { round: 1, seed: 2 })), [
    `${half} 2 has no gradient errors, which another round of its cell has`,
  ]);
  assertEquals(faults(of([]), of([], { round: 1, seed: 2 })), []);
  assertEquals(faults(of([2, 4]), of([], { batch: 8 })), [], "another cell");
});

Deno.test("checkSweep() finds a model of other sizes than its name or document tells", () => {
  const { architecture } = trained;
  const other = { ...architecture, layers: 3 };
  const fault = [`${name} has a model of another layers than it names`];
  assertEquals(faults({ ...trained, architecture: other }), fault);
  const modelDocument = { name: "mine", ...architecture } as CellConfiguration["modelDocument"];
  const own = fakeRecord({ model: "mine", modelDocument, qualitySteps: 2 });
  assertEquals(faults(own), []);
  assertEquals(faults({ ...own, architecture: other }), [fault[0].replace("nano", "mine")]);
  const unknown = { ...fakeRecord({ model: "forgotten", qualitySteps: 2 }), architecture: other, schema: 2 };
  const old = checkSweep(parseSweep(JSON.stringify(unknown)));
  assertEquals(old.filter(({ pass }) => !pass), [], "no preset any more");
  const images = fakeImageRecord({ qualitySteps: 2 });
  assertEquals(faults(images), []);
  const more = { ...images.data, classes: 12 } as CellRecord["data"];
  const fitted = { ...images.architecture, classes: 12 } as CellRecord["architecture"];
  assertEquals(faults({ ...images, data: more, architecture: fitted }), [], "of data with more classes");
  assertEquals(faults({ ...images, architecture: fitted }), [
    "vit-nano 4 × 65 exact, round 1 has a model of another classes than it names",
  ]);
});
