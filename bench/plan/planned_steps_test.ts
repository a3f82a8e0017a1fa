import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { parsePolicy } from "../../src/storage/policy_document.ts";
import { beyondLimits, idleRules, planSteps } from "./planned_steps.ts";

const nano = { ...modelConfig("nano"), positions: 4096 };
const steps = (policies: string[], batch: number) =>
  policies.map((name) => ({ model: nano, sequence: 4096, batch, policy: policyDocument(name), seed: 0 }));

Deno.test("beyondLimits() says which buffer is too large, and what helps", () => {
  const notes = (policies: string[], batch: number, maxBufferSize: number) => {
    const adapter = gpuWith({ ...typicalGpuLimits, maxBufferSize });
    return beyondLimits(planSteps(steps(policies, batch), adapter), adapter, "a card");
  };
  /** Queries, keys and values of two sequences: the widest that do not go in pieces. */
  const widest = 2 * 4096 * 3 * nano.width * 4;
  assertEquals(notes(["exact", "mst8"], 1, widest), []);
  assertEquals(notes(["exact", "half", "mst8"], 2, widest), [
    "nano, 2 × 4096: a step under exact, half wants a buffer of 16 MiB, and the largest of a card has 12 MiB; " +
    "take a smaller --batch or --sequence, or a --policy with mini-sequences, such as mst8",
  ]);
});

Deno.test("idleRules() names the rules of a policy that hold for nothing in any step", () => {
  const rules = [
    { layers: [2, 20], bits: 4 },
    { tensors: ["probabilities"], bits: 4 },
    { tensors: ["gelu"], bits: 4 },
  ];
  const policy = parsePolicy({ name: "mine", rules }, "mine");
  const of = (...names: string[]) =>
    idleRules(planSteps(
      names.map((name) => ({ model: modelConfig(name), sequence: 64, batch: 1, policy, seed: 0 })),
      gpuWith(typicalGpuLimits),
    ));
  const [note] = of("nano"); // of two blocks
  assertStringIncludes(note, 'Of policy "mine" rules[0] and rules[1] hold for no tensor that is kept here');
  assertStringIncludes(of("nano", "micro")[0], 'Of policy "mine" rules[1] holds for no tensor');
  assertEquals(idleRules(planSteps(steps(["exact"], 1), gpuWith(typicalGpuLimits))), []);
});

Deno.test("planSteps() sets apart what cannot be bound, and throws where nothing can", () => {
  const adapter = gpuWith({ ...typicalGpuLimits, maxStorageBufferBindingSize: 2 ** 25 });
  const found = planSteps(steps(["exact", "mesa8-paper"], 1), adapter);
  assertEquals(found.planned.map(({ options }) => options.policy.name), ["exact"]);
  assertEquals(beyondLimits(found, adapter, "a card"), [
    "nano, 1 × 4096: a step under mesa8-paper cannot be bound on a card: 4096 rows of 65536 bytes exceed the " +
    "binding limit of 33554432 bytes; take a smaller --sequence, or leave it out",
  ]);
  assertThrows(() => planSteps(steps(["mesa8-paper"], 1), adapter), OutOfMemoryError);
});
