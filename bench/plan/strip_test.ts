import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { type LiveStep, liveStep, peakInWords } from "./live_step.ts";
import { strip } from "./strip.ts";

const none = Float64Array.from([0, 0, 0, 0]);
const small: LiveStep = {
  dispatches: 4,
  live: {
    ...{ gradients: none, optimizer: none, inputs: none, ranges: none, head: none, control: none },
    parameters: Float64Array.from([8, 8, 8, 8]),
    saved: Float64Array.from([0, 16, 16, 0]),
    transient: Float64Array.from([0, 0, 8, 1]),
  },
  total: Float64Array.from([8, 24, 32, 9]),
  sections: [{ name: "forward", first: 0, last: 1 }, { name: "backward", first: 2, last: 3 }],
  blocks: [{ name: 0, first: 0, last: 1 }, { name: 0, first: 2, last: 3 }],
  peak: { at: 2, bytes: 32, section: "backward", block: 0, operator: null, kernel: "k" },
};

Deno.test("strip() has a line for each category that lives, on its own scale, and marks the peak", () => {
  const lines = strip(small, 80).split("\n");
  assertEquals(lines.slice(1), [
    "block            0 0",
    "parameters   8 B ████",
    "saved       16 B  ██",
    "transient    8 B   █▁",
    "total       32 B ▂▆█▂",
    "                   ▲ peak 32 B: dispatch 3 of 4, block 0, backward, k",
  ]);
});

Deno.test("strip() keeps within its width, and the peak's place under the highest column", () => {
  const step = liveStep(
    describeStep(
      { model: modelConfig("small"), sequence: 256, batch: 4, policy: "mesa8", seed: 0 },
      gpuWith(typicalGpuLimits),
    ),
  );
  for (const width of [60, 72, 100, 181]) {
    const lines = strip(step, width).split("\n");
    for (const line of lines) assert(line.length <= width, line);
    const total = lines.find((line) => line.startsWith("total"))!;
    assertEquals(total.length, width);
    assertStringIncludes(lines.at(-1)!, peakInWords(step));
    const mark = lines.find((line) => line.includes("▲"))!;
    assertEquals(total[mark.indexOf("▲")], "█");
    assertStringIncludes(lines[0], "backward");
  }
});
