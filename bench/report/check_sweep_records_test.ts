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
  for (const missing of [{ memory: null }, { program: null }]) {
    assertEquals(faults({ ...trained, ...missing }), [
      `${name} ran to its end and tells no program, or no memory`,
    ]);
  }
  assertEquals(faults({ ...timed, quality: fakeQuality(3, { trainingLosses: [] }) }), [
    `${name} has losses, and was only to be timed`,
  ]);
});

Deno.test("checkSweep() finds other steps than were timed, and steps that took no time", () => {
  const of = (...stepMilliseconds: number[]) =>
    faults({ ...timed, timing: { ...timed.timing!, stepMilliseconds } });
  assertEquals(of(1, 2, 0.001), []);
  assertEquals(of(1, 2), [`${name} has times of 2 steps, where 3 were timed`]);
  assertEquals(of(1, 2, 3, 4), [`${name} has times of 4 steps, where 3 were timed`]);
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

Deno.test("checkSweep() finds a negative loss, of whatever status", () => {
  const fault = [`${name} has a negative loss`];
  assertEquals(faults({ ...trained, quality: fakeQuality(3, { trainingLosses: [-1, 4] }) }), fault);
  assertEquals(faults({ ...trained, quality: fakeQuality(-0.5) }), fault);
  const message = "The loss of a timed step is no number";
  assertEquals(faults({ ...trained, status: "diverged", message, quality: fakeQuality(-0.5) }), fault);
});

Deno.test("checkSweep() finds live tensors that their buffers have no room for", () => {
  const memory = { ...timed.memory!, livePeakBytes: timed.memory!.bufferBytes + 1 };
  const unlike = `${name} has bytes by category that are not those of its live peak`;
  assertEquals(faults({ ...timed, memory }), [
    `${name} has more bytes of live tensors than of buffers; ${unlike}`,
  ]);
  assertEquals(faults({ ...timed, memory: { ...timed.memory!, livePeakBytes: 1 } }), [unlike]);
  assertEquals(faults({ ...timed, memory: { ...timed.memory!, ledgerPeakBytes: 1 } }), [
    `${name} had fewer bytes of buffers at once than by plan`,
  ]);
});

Deno.test("checkSweep() finds right answers of texts, none of images, and data that a model cannot read", () => {
  const images = fakeImageRecord({ qualitySteps: 2 }, { quality: fakeQuality(3, { validationTop1: 0.5 }) });
  assertEquals(faults(images), []);
  assertEquals(faults({ ...images, quality: fakeQuality(3) }), [
    "vit-nano 4 × 65 exact, round 1 tells no right answers of shapes",
  ]);
  assertEquals(faults({ ...trained, quality: images.quality }), [`${name} tells right answers of some text`]);
  assertEquals(faults({ ...trained, quality: images.quality, data: images.data }), [
    `${name} was trained on shapes, which its model cannot read`,
  ]);
});

Deno.test("checkSweep() finds a validation loss of other targets than others of its size have", () => {
  const half = fakeRecord({ policy: "half", qualitySteps: 2 }, {
    quality: fakeQuality(3, { validationTargets: 5 }),
  });
  assertEquals(faults(trained, half), [
    `nano 4 × 128 half, round 1 was validated on 5 targets, where ${name} was on 4096`,
  ]);
  assertEquals(faults(trained, { ...half, configuration: { ...half.configuration, batch: 8 } }), []);
});

Deno.test("checkSweep() finds ranks that do not tell of themselves, or of their exchanges", () => {
  const times = { count: 1, bytes: 4, map: 0, transfer: 0, write: 0 };
  const own = { host: "here", adapter: "Imaginary 9000", card: null, bufferBytes: 1, ledgerPeakBytes: 1 };
  const of = (...exchanges: number[]) =>
    faults(fakeRecord({ qualitySteps: 0, ranks: 2 }, {
      quality: null,
      ranks: exchanges.map((count) => ({ ...own, exchanges: Array(count).fill(times) })),
    }));
  const on2 = "nano 4 × 128 on 2 ranks exact, round 1";
  assertEquals(of(3, 3), []);
  assertEquals(of(3), [`${on2} tells of 1 ranks, where it had 2`]);
  assertEquals(of(3, 0), [`${on2} has a rank that does not tell of its exchanges in each step`]);
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
  const images = fakeImageRecord({ qualitySteps: 2 }, { quality: fakeQuality(3, { validationTop1: 0.5 }) });
  assertEquals(faults(images), []);
  const more = { ...images.data, classes: 12 } as CellRecord["data"];
  const fitted = { ...images.architecture, classes: 12 } as CellRecord["architecture"];
  assertEquals(faults({ ...images, data: more, architecture: fitted }), [], "of data with more classes");
  assertEquals(faults({ ...images, architecture: fitted }), [
    "vit-nano 4 × 65 exact, round 1 has a model of another classes than it names",
  ]);
});
