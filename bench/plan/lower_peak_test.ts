import { object, parse } from "@optique/core";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { planTraining } from "../../src/train/plan_testing.ts";
import { stepOptions, sweepOptions, withStorageOptions } from "../options/options.ts";
import { lowerPeak, type PlannedOptions } from "./lower_peak.ts";

const step: PlannedOptions = {
  ...{ model: modelConfig("micro"), sequence: 256, batch: 6, policy: policyDocument("exact"), seed: 0 },
};
const line = { withStorage: (policy: typeof step.policy) => policy, tokensGiven: false };
const lowered = (options: PlannedOptions, told = line) =>
  lowerPeak(options, planTraining(options).livePeakBytes, gpuWith(typicalGpuLimits), told);

/** The live peak of the step that a command line says. */
function peakOf(words: string): number {
  const result = parse(
    object({ ...sweepOptions({ model: "", batch: "", policy: "" }), ...stepOptions }),
    words.split(" "),
  );
  assert(result.success, words);
  const { models, policies, batches, parameters, moments, update, clipBy, accumulate } = result.value;
  return planTraining({
    ...{ model: models[0], sequence: 256, batch: batches[0], policy: policies[0], seed: 0 },
    ...{ parameters, moments, update, clipBy, accumulate },
  }).livePeakBytes;
}

Deno.test("lowerPeak() tells the peaks that plan finds for the very choices it names, the lowest first", () => {
  const { choices, next } = lowered(step);
  const kinds = choices.map(({ choice }) => choice.split(" ")[0]);
  for (const kind of ["--policy", "--parameters", "--moments", "--update", "--batch", '"mini_sequences":']) {
    assert(kinds.includes(kind), `${kind} is left out`);
  }
  // What is said later on a command line is said once more, so a choice takes the place of what stands there.
  const line = (choice: string) => {
    const given = new Map([["--model", "micro"], ["--policy", "exact"], ["--batch", "6"]]);
    for (const [, flag, value] of choice.matchAll(/(--[a-z-]+) (\S+)/g)) given.set(flag, value);
    return [...given].flat().join(" ");
  };
  const onLines = choices.filter(({ choice }) => choice.startsWith("--"));
  for (const { choice, livePeakBytes } of onLines) assertEquals(livePeakBytes, peakOf(line(choice)), choice);
  assertEquals(next!.livePeakBytes, peakOf(line(`${choices[0].choice} ${next!.choice}`)));
  const peaks = choices.map(({ livePeakBytes }) => livePeakBytes);
  assertEquals(peaks, peaks.toSorted((a, b) => a - b));
  assert(peaks.at(-1)! < peakOf(line("")) && next!.livePeakBytes < peaks[0]);
});

Deno.test("lowerPeak() proposes nothing that contradicts what is given, or that harms", () => {
  const names = (options: PlannedOptions, told = line) =>
    lowered(options, told).choices.map(({ choice }) => choice);
  assert(
    !names({ ...step, update: "backward", clipBy: "last" }).some((name) => /accumulate|update/.test(name)),
  );
  assert(!names({ ...step, accumulate: 2 }).some((name) => name.includes("--update")));
  assert(!names({ ...step, batch: 1 }).some((name) => name.includes("--batch")));
  assert(names({ ...step, batch: 9 }).includes("--batch 3 --accumulate 3"));
  assert(names(step, { ...line, tokensGiven: true }).includes("--accumulate 2"));
  assert(!names(step).some((name) => /mesa2|mesa4|paper|tensor8/.test(name)));
  const parted = "--sharding moments";
  assert(!names(step).includes(parted) && names({ ...step, ranks: 2 }).includes(parted));
  assert(!names({ ...step, ranks: 2, sharding: "moments" }).includes(parted));
  // Ranges that run on have no place in policies by token.
  const running = {
    ...line,
    withStorage: (policy: typeof step.policy) => withStorageOptions(policy, { ranges: "running" }),
  };
  assertEquals(names(step, running).filter((name) => /token8|recompute8|mst8/.test(name)), []);
  assertNotEquals(names(step, running).filter((name) => /mesa8/.test(name)), []);
});

Deno.test("lowerPeak() finds nothing where everything is taken", () => {
  const least = { update: "backward", clipBy: "last", moments: "8bit", parameters: "bf16" } as const;
  const { choices, next } = lowered({
    ...step,
    ...least,
    model: modelConfig("small"),
    policy: policyDocument("mst8"),
  });
  assertEquals([choices, next], [[], null]);
});
