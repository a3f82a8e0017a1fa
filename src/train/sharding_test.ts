import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { gpuWith } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { bytesOf } from "../gpu/pieces.ts";
import { modelConfig } from "../models/model_config.ts";
import { describeStep } from "./plan_training.ts";
import { shardingTest } from "./ranks_comparison_testing.ts";
import type { Job } from "./ranks_testing.ts";
import type { StepChoices } from "./step_choices.ts";

const backward = { update: "backward", clipBy: "last" } as const;
const name = (ranks: number) => `${ranks} ranks that shard moments train bit for bit as those that do not`;

const job = (folder: string, over: Job["over"], changes: Job["changes"] = {}): Job => ({
  folder,
  over,
  changes,
});

shardingTest(name(2), 2, [
  job("gpt2-ragged", "sequence"),
  job("llama-ragged", "batch", { parameters: "bf16", moments: "8bit" }),
  job("gpt2-ragged", "batch", { ...backward, parameters: "bf16", moments: "bf16" }),
]);

shardingTest(name(3), 3, [
  job("llama-ragged", "sequence", { ...backward, moments: "8bit" }),
  job("gpt2-ragged", "batch", { accumulate: 2, moments: "bf16" }),
]);

shardingTest(name(4), 4, [
  job("llama-ragged", "sequence", { parameters: "f16", moments: "8bit", clipBy: "last" }),
]);

const step = { model: modelConfig("small"), sequence: 64, batch: 4, policy: "exact", seed: 0 } as const;
const described = (choices: StepChoices, rank = 0) =>
  describeStep({ ...step, ...choices, rank }, gpuWith(typicalGpuLimits));

Deno.test("Ranks that shard moments have an equal part each, and of all ranks' buffers the first's are the most", () => {
  for (const choices of [{}, backward, { ...backward, moments: "8bit" }] as const) {
    for (const ranks of [2, 3, 8]) {
      const all = described({ ...choices, ranks }).plan;
      const plans = Array.from(
        { length: ranks },
        (_, rank) => described({ ...choices, ranks, sharding: "moments" }, rank).plan,
      );
      const { optimizer } = plans[0].liveAtPeak;
      assert(
        optimizer < 1.01 * all.liveAtPeak.optimizer / ranks,
        `${optimizer} bytes of moments on ${ranks} ranks`,
      );
      for (const { liveAtPeak, bufferBytes } of plans) {
        assertEquals(liveAtPeak.optimizer, optimizer);
        assert(
          bufferBytes <= plans[0].bufferBytes,
          `${bufferBytes} bytes, and ${plans[0].bufferBytes} of the first`,
        );
      }
    }
  }
});

Deno.test("Updated weights leave once, beside backward where they are updated in it", () => {
  for (const [choices, most] of [[{}, 0], [backward, 1]] as const) {
    const { exchanges, dispatches } = described({ ...choices, ranks: 2, sharding: "moments" });
    const parts = exchanges.filter(({ name }) => name.startsWith("parts of "));
    const left = bytesOf(parts.flatMap(({ leaves }) => leaves));
    assert(Math.abs(left / (2 * 124.4e6) - 1) < 0.01, `${left} bytes leave`);
    assert(parts.every(({ leaves, microBatch }) => bytesOf(leaves) <= 2 ** 26 && microBatch === "last"));
    const end = dispatches.findLastIndex(({ pass }) => pass === "backward");
    assertEquals(parts.some(({ before }) => before <= end), most > 0);
  }
});

Deno.test("One rank alone has no moments to shard", () => {
  assertThrows(() => described({ sharding: "moments" }), UserError, "give --ranks, or leave it out");
});
