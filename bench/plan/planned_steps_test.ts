import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { gpuWith } from "../../src/gpu/builder.ts";
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
    return beyondLimits(planSteps(steps(policies, batch), adapter, "a card"), adapter, "a card");
  };
  /** Queries, keys and values of two sequences: the widest that do not go in pieces. */
  const widest = 2 * 4096 * 3 * nano.width * 4;
  assertEquals(notes(["exact", "mst8"], 1, widest), []);
  assertEquals(notes(["exact", "half", "mst8"], 2, widest), [
    "nano, 2 × 4096: a step under exact, half wants a buffer of 16 MiB, and the largest of a card has 12 MiB; " +
    "take a smaller --batch or --sequence, or a --policy with mini-sequences, such as mst8",
  ]);
  // No remedy is one of the policies that fail, and sizes that read alike are told apart.
  assertEquals(notes(["exact", "mst8"], 2, widest - 4), [
    "nano, 2 × 4096: a step under exact, mst8 wants a buffer of 16 MiB, and the largest of a card has 12 MiB; " +
    "take a smaller --batch or --sequence",
  ]);
  assertEquals(notes(["mst8"], 2, widest - 4), [
    "nano, 2 × 4096: a step under mst8 wants a buffer of 12 MiB, and the largest of a card has 4 B less; " +
    "take a smaller --batch or --sequence",
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
    idleRules(
      planSteps(
        names.map((name) => ({ model: modelConfig(name), sequence: 64, batch: 1, policy, seed: 0 })),
        gpuWith(typicalGpuLimits),
        "a card",
      ).planned,
    );
  const [note] = of("nano"); // of two blocks
  assertStringIncludes(note, 'Of policy "mine" rules[0] and rules[1] hold for no tensor that is kept here');
  assertStringIncludes(of("nano", "micro")[0], 'Of policy "mine" rules[1] holds for no tensor');
  assertEquals(idleRules(planSteps(steps(["exact"], 1), gpuWith(typicalGpuLimits), "a card").planned), []);
});

Deno.test("planSteps() sets apart what cannot be bound, and throws where nothing can", () => {
  const adapter = gpuWith({ ...typicalGpuLimits, maxStorageBufferBindingSize: 2 ** 25 });
  const found = planSteps(steps(["exact", "mesa8-paper"], 1), adapter, "a card");
  assertEquals(found.planned.map(({ options }) => options.policy.name), ["exact"]);
  const cannot =
    "nano, 1 × 4096: a step under mesa8-paper cannot be bound on a card: 4096 rows of 65536 bytes " +
    "exceed the binding limit of 33554432 bytes; take a smaller --sequence";
  assertEquals(beyondLimits(found, adapter, "a card"), [`${cannot}, or leave it out`]);
  const none = assertThrows(() => planSteps(steps(["mesa8-paper"], 1), adapter, "a card"), UserError);
  assertEquals(none.message, cannot);
  const paper = policyDocument("mesa8-paper");
  const both = [paper, { ...paper, name: "mine" }].map((policy) => ({ ...steps(["exact"], 1)[0], policy }));
  const { message } = assertThrows(() => planSteps(both, adapter, "a card"), UserError);
  assertEquals(message, cannot.replace("mesa8-paper", "mesa8-paper, mine"));
});
