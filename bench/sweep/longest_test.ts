import { assert, assertEquals } from "@std/assert";
import { gpuWith } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { type ModelConfig, modelConfig, mostTokens } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { parsePolicy } from "../../src/storage/policy_document.ts";
import type { LongestSequence } from "../results/run_header.ts";
import { choicesOf, lengthsOf, longestSequences } from "./longest.ts";
import { planStep } from "./planned_step.ts";
import { ofLength } from "./shapes.ts";

const adapter = gpuWith(typicalGpuLimits);
const unit = 64;
const small = { parameters: "bf16", moments: "8bit", update: "backward", clipBy: "last" } as const;
const search = {
  models: [modelConfig("llama-nano")],
  batches: [1],
  policies: ["exact", "mst8"].map(policyDocument),
  memory: 24 * 2 ** 20,
  longest: { unit, choices: [{}] },
  ...small,
};
const planned = ({ policy, batch, model }: LongestSequence, sequence: number, choices = {}) =>
  planStep(
    {
      model: { ...modelConfig(model), positions: sequence } as ModelConfig,
      ...{ sequence, batch, policy: policyDocument(policy), seed: 0, ...choices },
    },
    adapter,
    search.memory,
  );

Deno.test("longestSequences() finds lengths that fit, of which one unit more does not, and tells their memory", async () => {
  const { found } = await longestSequences(search, adapter);
  assertEquals(found.map(({ policy }) => policy), ["exact", "mst8", "exact", "mst8"]);
  for (const one of found) {
    const choices = one.moments ? small : {};
    assert(one.sequence > 0 && one.sequence % unit === 0);
    const [fits, more] = [one.sequence, one.sequence + unit].map((length) => planned(one, length, choices));
    assertEquals([fits.refusal, fits.memory], [null, one.memory]);
    assert(more.refusal !== null, `${one.policy} fits ${one.sequence + unit}, too`);
    assertEquals(one.limit, { of: "memory", wanted: more.wantedBytes, most: search.memory });
  }
  const [exact, mst8, exactSmall, mst8Small] = found.map(({ sequence }) => sequence);
  assert(exact < mst8 && exact < exactSmall && mst8 < mst8Small, `${found.map((one) => one.sequence)}`);
});

Deno.test("longestSequences() looks beyond a length that happens to be packed worse than longer ones", async () => {
  const models = [modelConfig("nano")];
  const policies = [policyDocument("exact")];
  const memory = 32 * 2 ** 20;
  const bare = { models, batches: [1], policies, memory, longest: { unit: 16, choices: [] } };
  const { found: [one] } = await longestSequences(bare, adapter);
  const refused = (sequence: number) =>
    planStep(
      { model: ofLength(models[0], sequence), sequence, batch: 1, policy: policies[0], seed: 0 },
      adapter,
      memory,
    ).refusal !== null;
  assertEquals([1568, 1584].map(refused), [false, true], "a longer one fits, too:");
  assert(one.sequence >= 1712, `${one.sequence}`);
  assertEquals([one.sequence, one.sequence + 16].map(refused), [false, true]);
});

Deno.test("longestSequences() names what bounds a length where it is not memory", async () => {
  const of = async (changes: Partial<typeof search>, limits = {}) => {
    const { found: [one] } = await longestSequences(
      { ...search, policies: [policyDocument("mst8")], longest: { unit, choices: [] }, ...changes },
      { ...gpuWith({ ...typicalGpuLimits, ...limits }), flopsPerDispatch: Infinity },
    );
    return one;
  };
  const wide = await of({}, { maxBufferSize: 2 ** 19 });
  const { limit, sequence } = wide;
  assertEquals([limit.of, limit.most], ["buffer", 2 ** 19]);
  const gates = 4 * 2 * 352; // bytes a token, of what the MLP's activation reads
  assertEquals([limit.wanted, limit.tensor], [gates * (sequence + unit), "model.layers.0.mlp.swiglu_input"]);
  const bound = await of({}, { maxStorageBufferBindingSize: 64 * 4 * 128 - 4 });
  assertEquals([bound.limit.of, bound.sequence, bound.memory], ["binding", 0, null]);
  const none = await of({ memory: 2 ** 20 });
  assertEquals([none.sequence, none.limit.of, none.limit.wanted], [0, "memory", none.memory!.bufferBytes]);
  const endless = { maxBufferSize: 2 ** 60, maxStorageBufferBindingSize: 2 ** 60 };
  const counted = await of({
    ...{ memory: 2 ** 60, longest: { unit: 2 ** 23, choices: [] } },
    policies: [policyDocument("exact")], // without pieces, of which so many tokens have too many
  }, endless);
  const most = mostTokens(search.models[0]);
  assertEquals(counted.limit, { of: "tokens", wanted: counted.sequence + 2 ** 23, most });
  const both = await of({
    ...{ batches: [2], memory: 2 ** 60, longest: { unit: 2 ** 23, choices: [] } },
    policies: [policyDocument("exact")],
  }, endless);
  assertEquals(both.limit, { of: "tokens", wanted: 2 * (both.sequence + 2 ** 23), most });
  assert(2 * both.sequence <= most, "so many tokens of all sequences together");
});

Deno.test("choicesOf() names each choice once, all in one arithmetic", () => {
  const others = [{}, { parameters: "f32", ...{ moments: "bf16" } } as const];
  const of = (own: object) => choicesOf({ longest: { unit, choices: others }, ...own });
  assertEquals(of({}), [{}, { moments: "bf16" }]);
  assertEquals(of({ moments: "8bit", arithmetic: "f16" }), [
    { arithmetic: "f16" },
    { arithmetic: "f16", moments: "bf16" },
    { arithmetic: "f16", moments: "8bit" },
  ]);
});

Deno.test("lengthsOf() takes a sweep's own choices alone, each length once and in order, and one unit where none fits", async () => {
  const { found: [one] } = await longestSequences(
    { ...search, policies: search.policies.slice(0, 1) },
    adapter,
  );
  const of = (sequence: number, changes = {}) => ({ ...one, ...small, sequence, ...changes });
  const found = [of(640), of(320), of(640), of(0), of(128, { moments: "bf16" }), of(64, { model: "nano" })];
  assertEquals(lengthsOf({ unit, found }, search.models[0], small), [64, 320, 640]);
});

Deno.test("longestSequences() passes over models whose sequences have one length", async () => {
  const { found } = await longestSequences({ ...search, models: [modelConfig("vit-nano")] }, adapter);
  assertEquals(found, []);
});

Deno.test("The longest sequences of llama3-8b in the documentation are those that fit 78 GiB by plan", async () => {
  const text = await Deno.readTextFile(`${import.meta.dirname}/../../docs/policies.md`);
  const [, section] = text.split("## How long a sequence 78 GiB hold");
  const [, rows] = section.split("\n| `llama3-8b` ");
  const told = rows.split("\n").slice(1, 4).map((line) =>
    line.split("|").slice(2, -1).map((cell) => cell.trim())
  );
  const whole = (cell: string) => Number(cell.replaceAll(/[,¹²]/g, ""));
  const [, underDawn] = section.match(/holds\s+([\d,]+) tokens of `llama3-8b` with bf16 weights and 8-bit/)!;
  const [, halves, f32] = section.match(/it holds ([\d,]+) tokens of[^.]*, and `mst` ([\d,]+)\./)!;
  const own = JSON.parse(await Deno.readTextFile(`${import.meta.dirname}/../../docs/mst16.json`));
  const [mst8, mst, mst16] = [...["mst8", "mst"].map(policyDocument), parsePolicy(own, "mst16.json")];
  const dawn = { maxBufferSize: 2 ** 40 };
  const cases = [
    ...told.map(([parameters, moments, , , , length]) => ({
      parameters,
      moments,
      length,
      policy: mst8,
      limits: {},
    })),
    { parameters: "bf16", moments: "8-bit", length: underDawn, policy: mst8, limits: dawn },
    { parameters: "bf16", moments: "bf16", length: halves, policy: mst16, limits: dawn },
    { parameters: "bf16", moments: "bf16", length: f32, policy: mst, limits: dawn },
  ];
  for (const { parameters, moments, policy, limits, ...told } of cases) {
    const length = whole(told.length);
    const fits = (sequence: number) =>
      planStep(
        {
          ...{ model: ofLength(modelConfig("llama3-8b"), sequence), sequence, batch: 1, seed: 0 },
          ...{ policy, update: "backward", clipBy: "last" },
          parameters: parameters as "f32" | "bf16",
          moments: moments.replace("-", "") as "bf16" | "8bit",
        },
        gpuWith({ ...typicalGpuLimits, ...limits }),
        78 * 2 ** 30,
      ).refusal === null;
    assertEquals([fits(length), fits(length + 1024)], [true, false], `${policy.name} ${moments} ${length}`);
  }
});
