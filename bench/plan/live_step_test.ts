import { assert, assertEquals, assertMatch } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { categories } from "../../src/memory/category.ts";
import { modelConfig, usualSequence } from "../../src/models/model_config.ts";
import { policyNames } from "../../src/storage/policies.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { columns, liveStep, peakInWords } from "./live_step.ts";

const described = (name: string, changes: Partial<TrainOptions> = {}) => {
  const model = modelConfig(name);
  return describeStep(
    { model, sequence: usualSequence(model), batch: 2, policy: "exact", seed: 0, ...changes },
    gpuWith(typicalGpuLimits),
  );
};
const backward = { update: "backward", clipBy: "last" } as const;

Deno.test("liveStep() reaches the plan's live peak, and there the plan's bytes of each category", () => {
  for (const name of ["nano", "llama-nano", "vit-nano"]) {
    for (const policy of policyNames) {
      for (const choices of [{}, { ...backward, moments: "8bit" } as const]) {
        const description = described(name, { policy, ...choices });
        const { livePeakBytes, liveAtPeak } = description.plan;
        const { peak, live, total } = liveStep(description);
        assertEquals([peak.bytes, Math.max(...total)], [livePeakBytes, livePeakBytes], `${name} ${policy}`);
        for (const category of categories) assertEquals(live[category][peak.at], liveAtPeak[category]);
      }
    }
  }
});

Deno.test("liveStep() finds forward, head and backward in this order, and each block once in forward and once in backward", () => {
  for (const name of ["nano", "llama-nano", "vit-nano"]) {
    for (const policy of ["exact", "mesa8", "mst8"]) {
      for (const choices of [{}, backward, { accumulate: 2 }]) {
        const step = liveStep(described(name, { policy, ...choices }));
        const named = step.sections.map((span) => span.name).join(" ");
        assertMatch(named, /^(update )?forward head( forward)? backward( update)?$/);
        const { layers } = modelConfig(name);
        const up = Array.from({ length: layers }, (_, block) => block);
        const forward = step.blocks.slice(0, layers).map((span) => span.name);
        const back = step.blocks.slice(layers).map((span) => span.name);
        assertEquals([forward, [...new Set(back)]], [up, up.toReversed()], `${name} ${policy}`);
        const ends = step.sections.flatMap(({ first, last }) => [first - 1, last]).slice(1, -1);
        assert(ends.every((end, i) => i % 2 || end === ends[i + 1]), "a dispatch belongs to no section");
      }
    }
  }
});

Deno.test("columns() covers every dispatch once, and its highest are the highest of the step", () => {
  const step = liveStep(described("nano", { policy: "mst8" }));
  for (const most of [1, 7, 50, 10_000]) {
    const parts = columns(step, most);
    assertEquals(parts.length, Math.min(most, step.dispatches));
    const covered = parts.flatMap(({ first, last }) =>
      Array.from({ length: last - first + 1 }, (_, i) => first + i)
    );
    assertEquals(covered, [...step.total.keys()]);
    assertEquals(Math.max(...parts.map(({ at }) => step.total[at])), step.peak.bytes);
    for (const { first, last, at } of parts) {
      assertEquals(step.total[at], Math.max(...step.total.subarray(first, last + 1)));
    }
  }
});

Deno.test("peakInWords() names the dispatch, its block, its section and its kernel", () => {
  const step = liveStep(described("nano", { policy: "mesa8" }));
  const { at, block, section, kernel } = step.peak;
  assert(block !== null);
  assertEquals(
    peakInWords(step).replace(/^peak [\d.]+ MiB: /, ""),
    `dispatch ${at + 1} of ${step.dispatches}, block ${block}, ${section}, ${kernel}`,
  );
});
