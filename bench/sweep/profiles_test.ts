import { assert, assertEquals } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { familyOf } from "../../src/models/families.ts";
import { checkModel, type ModelConfig, usualSequence } from "../../src/models/model_config.ts";
import { createPolicy, policyDocument } from "../../src/storage/policies.ts";
import { unusual } from "../../src/train/step_choices.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { refuseContradictions } from "../../src/train/step_choices.ts";
import { ablations } from "./ablations.ts";
import { choicesOf } from "./longest.ts";
import { defaultProfile, profiles } from "./profiles.ts";
import { modelOf, parseConfiguration } from "../results/results.ts";
import { planStep } from "./planned_step.ts";
import { shapes } from "./shapes.ts";
import { planSweep } from "./sweep.ts";
import { ofModel } from "./sweep_options.ts";

const adapters = ["gpu", "software"] as const;
const all = Object.entries(profiles).flatMap(([name, profile]) =>
  adapters.map((adapter) => ({ name: `${name} on ${adapter}`, options: profile(adapter) }))
);

Deno.test("Every profile plans cells that can run, and that a process can be told of", () => {
  for (const { name, options } of all) {
    const { models, policies, sequences, batches, rounds } = options;
    const cells = planSweep(options);
    const sizes = shapes(models, sequences, batches, options).length;
    assert(sizes > 0 && cells.length >= sizes * policies.length * rounds, name);
    for (const cell of cells) {
      checkModel(modelOf(cell), cell.sequence, cell.batch);
      assertEquals(parseConfiguration(JSON.stringify(cell)), cell, name);
    }
  }
});

Deno.test("Every profile tells its policies apart, by name and by what they do, the reference first", () => {
  for (const { name, options: { policies } } of all) {
    assertEquals(policies[0], policyDocument("exact"), name);
    assertEquals(new Set(policies.map((document) => document.name)).size, policies.length, name);
    const choices = policies.map((document) => JSON.stringify({ ...document, name: "" }));
    assertEquals(new Set(choices).size, policies.length, name);
    for (const document of policies) assertEquals(createPolicy(document).document, document);
  }
});

Deno.test("Every profile's groups divide its models' channels", () => {
  for (const { name, options: { models, policies } } of all) {
    for (const model of models.map((model) => ({ ...model, layers: 1 }))) {
      const sequence = familyOf(model).choosesSequence ? 16 : usualSequence(model);
      for (const policy of policies) {
        const { plan } = describeStep(
          { model, sequence, batch: 1, policy, seed: 0 },
          gpuWith(typicalGpuLimits),
        );
        assert(plan.savedBytes > 0, `${name}: ${model.name} saves nothing under ${policy.name}`);
      }
    }
  }
});

Deno.test("Every ablation is a profile, over three seeds with comparisons of the gradient", () => {
  for (const name of Object.keys(ablations)) {
    for (const adapter of adapters) {
      const { policies, seeds, gradientEvery, qualitySteps } = profiles[`ablation-${name}`](adapter);
      assertEquals(policies, ablations[name]);
      assert(seeds >= 3 && gradientEvery > 0 && gradientEvery <= qualitySteps, name);
    }
  }
});

Deno.test("parity and paper cover what they are named for", () => {
  for (const adapter of adapters) {
    const { models, policies, data, images, nullOfChaos, toZero, augmentation, ...rest } = profiles.parity(
      adapter,
    );
    assertEquals(new Set(models.map(({ modelType }) => modelType)), new Set(["gpt2", "vit"]));
    assertEquals([data, images, augmentation], ["brown", "fashion-mnist", "none"]);
    assertEquals([nullOfChaos, toZero], [true, true]);
    const names = policies.map(({ name }) => name);
    assertEquals(names, ["exact", "half", "mesa8", "token8", "mesa4", "mesa2"]);
    const { seeds, qualitySteps, gradientEvery } = rest;
    assert(seeds >= 3 && gradientEvery > 0 && gradientEvery <= qualitySteps);
    if (adapter === "gpu") assert(seeds >= 12 && qualitySteps >= 2000);
    const paper = profiles.paper(adapter).policies.map(({ name }) => name);
    assertEquals(paper, ["exact", "mesa8-paper", "mesa8", "token8"]);
  }
  const { models, batches } = profiles.paper("gpu");
  assertEquals([models.map(({ name }) => name), batches], [["deit-tiny", "deit-small", "deit-base"], [128]]);
});

Deno.test("parity-states and states try each way to keep weights, moments and gradients, and all together", () => {
  for (const adapter of adapters) {
    const parity = profiles["parity-states"](adapter);
    assertEquals(parity.models.map(({ modelType }) => modelType), ["llama"]);
    const { models: _, policies: __, combinations, ...protocol } = parity;
    const { models: ___, policies: ____, ...usual } = profiles.parity(adapter);
    assertEquals(protocol, usual, "the protocol is parity's");
    const backward = { update: "backward", clipBy: "last" } as const;
    assertEquals(combinations!.map(({ choices }) => choices), [
      { parameters: "bf16" },
      { moments: "bf16" },
      { moments: "8bit" },
      backward,
      { parameters: "bf16", moments: "8bit", ...backward },
    ]);
    const options = profiles.states(adapter);
    for (const one of combinations!) {
      assertEquals(options.combinations!.find(({ name }) => name === one.name), one);
    }
    const formats = planSweep(options).map(({ parameters, moments }) => [parameters, moments]);
    assertEquals(new Set(formats.map(([weights]) => weights)), new Set([undefined, "bf16", "f16"]));
    for (const cell of [...planSweep(options), ...planSweep(parity)]) refuseContradictions(cell);
  }
});

Deno.test("A step of parity has as many tokens of a text as of images", () => {
  for (const adapter of adapters) {
    const tokens = planSweep(profiles.parity(adapter)).map(({ batch, sequence }) => batch * sequence);
    assertEquals(new Set(tokens).size, 1);
  }
});

Deno.test("long doubles lengths beyond what fits, by plan, and looks at speed alone", () => {
  for (const adapter of adapters) {
    const { models: [model], sequences: lengths, batches, policies, memory = Infinity, ...rest } = profiles
      .long(adapter);
    const sequences = ofModel(lengths, model);
    assertEquals([batches, rest.qualitySteps, rest.growing], [[1], 0, true]);
    const names = ["exact", "mesa8", "recompute", "recompute8", "mst", "mst8"];
    assertEquals(policies.map(({ name }) => name), names);
    sequences.slice(1).forEach((length, i) => assertEquals(length, 2 * sequences[i]));
    const sequence = sequences.at(-1)!;
    const longest = { ...model, positions: sequence } as ModelConfig;
    for (const policy of policies) {
      const step = { model: longest, sequence, batch: 1, policy, seed: 0 };
      assert(
        planStep(step, gpuWith(typicalGpuLimits), memory).refusal !== null,
        `${policy.name} fits at ${sequence}`,
      );
    }
  }
});

Deno.test("mst looks for the longest sequences of MST's models in what a card of 80 GB leaves, with its states among others", () => {
  for (const adapter of adapters) {
    const { models, batches, policies, longest, memory, growing, qualitySteps, ...rest } = profiles.mst(
      adapter,
    );
    assertEquals([batches, growing, qualitySteps, rest.untuned], [[1], true, 0, true]);
    assertEquals(policies.map(({ name }) => name), ["exact", "recompute", "mst", "mst8"]);
    const states = longest!.choices.map(({ parameters = "f32", moments = "f32" }) =>
      `${parameters} ${moments}`
    );
    assertEquals(states, ["f32 f32", "bf16 bf16", "f32 8bit", "bf16 8bit"]);
    assertEquals(choicesOf({ ...rest, longest: longest! }).length, states.length, "its own are among them");
    assertEquals(unusual(rest), { parameters: "bf16", moments: "bf16", update: "backward", clipBy: "last" });
    if (adapter === "software") continue;
    assertEquals([memory, longest!.unit], [78 * 2 ** 30, 1024]);
    assertEquals(models.map(({ name }) => name), ["llama2-7b", "llama3-8b"]);
  }
});

Deno.test("defaultProfile() follows the adapter", () => {
  const of = (adapterClass: "gpu" | "software", slug: string) =>
    defaultProfile({ class: adapterClass, slug } as Parameters<typeof defaultProfile>[0]);
  assertEquals(
    [of("gpu", "nvidia-h200"), of("software", "llvmpipe"), of("software", "swiftshader")],
    ["gpu", "llvmpipe", "swiftshader"],
  );
});
