import { assert, assertEquals } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { familyOf } from "../../src/models/families.ts";
import { checkModel, type ModelConfig, modelConfig, usualSequence } from "../../src/models/model_config.ts";
import { createPolicy, policyDocument, policyPresets } from "../../src/storage/policies.ts";
import { unusual } from "../../src/train/step_choices.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { refuseChoices } from "../../src/train/step_choices.ts";
import { ablations } from "./ablations.ts";
import { choosings, chosen, planCombinations } from "./frontier.ts";
import { choicesOf } from "./longest.ts";
import { defaultProfile, profiles } from "./profiles.ts";
import { modelOf } from "../results/results.ts";
import { planStep } from "./planned_step.ts";
import { shapes } from "./shapes.ts";
import { exactSteps } from "./reinvested_cells.ts";
import { fewestPairs } from "../statistics/paired_ratio.ts";
import { planSweep } from "./sweep.ts";
import { ofModel } from "./sweep_options.ts";
import { asTold } from "./sweep_testing.ts";

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
      assertEquals(asTold(cell), cell, name);
    }
  }
});

Deno.test("The frontier takes a Vision Transformer at its own length, whatever a profile's is of texts", () => {
  for (const adapter of adapters) {
    const models = [{ ...modelConfig("deit-base"), layers: 1 }];
    const policies = ["exact", "mst8"].map(policyDocument);
    const given = { models, batches: [128], policies, arithmetic: "f32" } as const;
    const options = { ...profiles.frontier(adapter), ...given };
    const shape = { model: models[0], sequence: 197, batch: 128 };
    assertEquals(shapes(models, options.sequences, options.batches, options), [shape], adapter);
    const card = gpuWith(typicalGpuLimits);
    const planned = choosings([shape], options, card).flatMap((one) => planCombinations(one, options, card));
    assert(planned.length === 2 * 18 && planned.every(({ memory }) => memory), adapter);
    const cells = planSweep(options, undefined, () => chosen(planned, options));
    assertEquals(
      new Set(cells.map(({ sequence, batch }) => `${batch} × ${sequence}`)),
      new Set(["128 × 197"]),
    );
    const names = new Set(cells.map(({ policy }) => policy));
    assert(names.size > 10 && names.size <= options.frontier!.most, `${names.size}`);
    for (const cell of cells) checkModel(modelOf(cell), cell.sequence, cell.batch);
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
    for (const cell of [...planSweep(options), ...planSweep(parity)]) refuseChoices(cell);
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
    const { models, sequences, batches, policies, longest, memory, growing, qualitySteps, ...rest } = profiles
      .mst(adapter);
    assertEquals([batches, growing, qualitySteps, rest.untuned], [[1], undefined, 0, true]);
    assertEquals(longest!.beside, { recompute: ["mst"] }, "what pieces cost at the longest of whole layers");
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
    const lengths = models.map((model) => ofModel(sequences, model));
    for (const own of lengths) assert(own.length >= 2 && own[0] <= 2048 && own.at(-1)! >= 16384);
  }
});

Deno.test("grid covers three families by length and batch, each size in enough rounds for an interval", () => {
  const { models, policies, sequences, batches, rounds, qualitySteps } = profiles.grid("gpu");
  assertEquals(new Set(models.map(({ modelType }) => modelType)), new Set(["gpt2", "vit", "llama"]));
  const names = ["exact", "half", "mesa8", "token8", "mesa8-selective", "recompute8", "mst8"];
  assertEquals([policies.map(({ name }) => name), qualitySteps], [names, 0]);
  assert(rounds >= fewestPairs);
  const sizes = shapes(models, sequences, batches);
  assertEquals(sizes.length, 15);
  const several = (of: (size: typeof sizes[number]) => number) => (name: string) =>
    new Set(sizes.filter(({ model }) => model.name === name).map(of)).size > 1;
  assert(["mini", "small", "llama-micro"].every(several(({ sequence }) => sequence)));
  assert(["small", "deit-small", "llama-1b"].every(several(({ batch }) => batch)));
});

Deno.test("frontier combines every preset with every choice, at most forty of them measured, and trains once for gradients", () => {
  for (const adapter of adapters) {
    const { policies, frontier, rounds, seeds, gradientEvery, qualitySteps, ...own } = profiles.frontier(
      adapter,
    );
    assertEquals(policies, Object.values(policyPresets));
    assertEquals(unusual(own), {}, "no choice is named, and so each is varied");
    const alone = policies.length + 2 + 2 + 1 + 2; // weights, moments, update, arithmetic
    assert(frontier!.most > alone && frontier!.most <= 40);
    assertEquals(seeds, 1);
    assert(gradientEvery > 0 && gradientEvery <= qualitySteps);
    if (adapter === "gpu") assert(rounds >= fewestPairs);
  }
});

Deno.test("reinvest trains three models over seeds on texts that fall to a rate of zero, and times the largest and token8", () => {
  for (const adapter of adapters) {
    const { models, policies, rounds, seeds, reinvest, qualitySteps, ...rest } = profiles.reinvest(adapter);
    assertEquals([rest.data, rest.toZero, rest.untuned], ["brown", true, true]);
    assertEquals(reinvest!.timedOnly, ["small", "token8"]);
    assert(seeds >= fewestPairs && rounds >= fewestPairs && qualitySteps > 0);
    if (adapter === "software") continue;
    assertEquals(models.map(({ name }) => name), ["nano", "micro", "mini", "small"]);
    assertEquals(policies.map(({ name }) => name), ["exact", "mesa8", "token8", "recompute8"]);
    const steps = models.map((model) =>
      exactSteps({ sequence: usualSequence(model), batch: 16 }, {
        qualitySteps,
        reinvest,
      })
    );
    assertEquals(steps.slice(0, 3), [1000, 768, 384], "docs/running.md tells these");
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
