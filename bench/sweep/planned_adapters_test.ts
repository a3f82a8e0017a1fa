import { assertEquals, assertThrows } from "@std/assert";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { describeChoices } from "../../src/train/step_choices.ts";
import { provedStep } from "../readme/proofs.ts";
import { parseSweep } from "../results/read_results.ts";
import { trainOptions } from "./cell.ts";
import { plannedFor } from "./planned_adapters.ts";

const root = join(import.meta.dirname!, "../..");
const dawn = plannedFor({ runtime: "dawn" }).builder;

Deno.test("Under Dawn the plan of small under mesa8 takes what products in that arithmetic take", () => {
  const step = { model: modelConfig("small"), sequence: 1024, batch: 16, policy: "mesa8", seed: 0 };
  const bytes = ([undefined, "f16x3", "f16"] as const).map((arithmetic) =>
    describeStep({ ...step, arithmetic }, dawn).plan.bufferBytes
  );
  assertEquals(bytes, [3_833_096_464, 3_833_257_796, 3_868_825_156]);
});

Deno.test("Under Dawn plans of `exact` in f16 are those of steps that were measured on a card", async () => {
  const path = "reports/2026-11-29-nvidia-h200/steps-f16/results.jsonl";
  const { records } = parseSweep(await Deno.readTextFile(join(root, path)));
  const measured = records.filter(({ configuration: { policy, round } }) =>
    policy === "exact" && round === 0
  );
  assertEquals(measured.map(({ configuration: { model } }) => model), ["mini", "small"]);
  for (const { configuration, memory, program } of measured) {
    const step = trainOptions(configuration, { fit: (model) => model });
    const { plan } = describeStep({ ...step, variants: program!.variants }, dawn);
    assertEquals(plan.bufferBytes, memory!.bufferBytes, configuration.model);
  }
});

Deno.test("Under Dawn the plan of llama3-8b in f16 takes what the step took which was proved on a card, to the byte", async () => {
  const file = "reports/2026-11-30-nvidia-h200/large-steps.txt";
  const text = await Deno.readTextFile(join(root, file));
  const { model, sequence, choices: told, bufferBytes } = provedStep(file, text);
  const states = { parameters: "bf16", moments: "8bit", update: "backward", clipBy: "last" } as const;
  const choices = { ...states, arithmetic: "f16" } as const;
  assertEquals([model, describeChoices(choices).join(", ")], ["llama3-8b", told]);
  const preset = modelConfig(model);
  const sized = "positions" in preset ? { ...preset, positions: sequence } : preset;
  const step = { model: sized, sequence, batch: 1, policy: "mst8", seed: 1, ...choices };
  assertEquals(describeStep(step, dawn).plan.bufferBytes, bufferBytes);
});

Deno.test("plannedFor() has matrices under Dawn alone, and takes a runtime or adapters", () => {
  const shapes = [{}, { runtime: "native" }, { adapter: "gpu" }, { adapter: "software" }] as const;
  assertEquals(shapes.map((told) => plannedFor(told).builder.matrices), Array(4).fill(undefined));
  assertEquals(plannedFor({ adapter: "dawn" }), plannedFor({ runtime: "dawn" }));
  assertEquals(dawn.matrices, { m: 16, n: 16, k: 16 });
  assertThrows(() => plannedFor({ adapter: "gpu", runtime: "dawn" }), UserError, "leave one of them out");
});
