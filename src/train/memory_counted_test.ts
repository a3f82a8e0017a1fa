import { assert, assertEquals } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { type Batch, RandomBatches } from "../data/batches.ts";
import { Random } from "../data/random.ts";
import { builderOptionsFor } from "../gpu/builder.ts";
import { countBuffers } from "../gpu/testing.ts";
import { gpt2Presets } from "../models/gpt2/config.ts";
import type { ModelConfig } from "../models/model_config.ts";
import { momentFormats, parameterFormats } from "../nn/parameters.ts";
import { policyDocument, policyNames } from "../storage/policies.ts";
import { parsePolicy, type PolicyDocument } from "../storage/policy_document.ts";
import { describeStep } from "./plan_training.ts";
import { TrainingSession } from "./session.ts";
import type { TrainOptions } from "./options.ts";
import type { StepChoices } from "./step_choices.ts";
import { llama, vit, vitOptions } from "./testing.ts";

/** Sequences of one token, of odd lengths, and of several windows; channels that are no whole vectors of four. */
const sizes = [[1, 1], [37, 3], [64, 2], [130, 1], [200, 2]] as const;
const texts = (model: ModelConfig) => sizes.map(([sequence, batch]) => ({ model, sequence, batch }));

const gpt2 = {
  ...{ ...gpt2Presets.nano, name: "ragged-gpt2", layers: 2 },
  ...{ width: 18, heads: 3, vocab: 70, positions: 200 },
};
const tied = { ...llama, tiedHead: true, vocab: 70, positions: 200 };
const ragged = {
  ...tied,
  name: "ragged-llama",
  tiedHead: false,
  width: 22,
  keyHeads: 1,
  headSize: 6,
  hidden: 30,
};
const images = { ...vit, layers: 2 };

const families: Record<string, readonly Pick<TrainOptions, "model" | "sequence" | "batch">[]> = {
  gpt2: texts(gpt2),
  llama: [...texts(ragged), ...texts(tied).slice(1, 3)],
  vit: [images, { ...images, name: "ragged-vit", width: 18, heads: 3 }].flatMap((model) =>
    [1, 3].map((batch) => ({ model, sequence: vitOptions.sequence, batch }))
  ),
};

/** Every preset, its pieces so small that there are several, and documents of what no preset chooses. */
const policies: readonly PolicyDocument[] = [
  ...policyNames.map(policyDocument).map((document) => {
    const pieces = document.mini_sequences.mlp === "whole" ? {} : { mlp: 64, head: 64 };
    return { ...document, mini_sequences: { ...document.mini_sequences, ...pieces } };
  }),
  ...[
    {
      name: "half-again",
      rules: [{ layers: [0, 0], recompute: true }, { bits: 4, grouping: { channels: 2 } }],
    },
    {
      ...{
        name: "few-bits",
        bits: 4,
        grouping: { token_channels: 2 },
        ranges: "current",
        rounding: "nearest",
      },
      rules: [{ tensors: ["layer_norm"], bits: 16 }],
    },
    {
      name: "published",
      bits: 32,
      recompute: true,
      mini_sequences: { mlp: "paper", head: "paper", head_gradients: "backward" },
    },
  ].map((document) => parsePolicy(document, `${document.name}.json`)),
];

const updates = [{}, { accumulate: 2 }, { clipBy: "last" }, { update: "backward", clipBy: "last" }] as const;
const states: readonly StepChoices[] = parameterFormats.flatMap((parameters) =>
  momentFormats.flatMap((moments) => updates.map((update) => ({ parameters, moments, ...update })))
);

/** Cells of each policy and family: shapes and states in turn, so that each policy meets all of both. */
const each = 4;
const cells = Object.values(families).flatMap((shapes, family) =>
  policies.flatMap((policy, row) =>
    Array.from({ length: each }, (_, i): TrainOptions => {
      const turn = each * (policies.length * family + row) + i;
      return { ...shapes[turn % shapes.length], ...states[7 * turn % states.length], policy, seed: 1 };
    })
  )
);

/** What tells a choice of a cell from the others of its kind. */
const kinds: Record<string, (cell: TrainOptions) => string> = {
  shape: ({ model, sequence, batch }) => `${model.name} ${sequence}×${batch}`,
  parameters: ({ parameters }) => `${parameters}`,
  moments: ({ moments }) => `${moments}`,
  update: ({ update, clipBy, accumulate }) => `${update} ${clipBy} ${accumulate}`,
};

Deno.test("The cells whose buffers are counted are 150 and more, of every family, shape, policy and state", () => {
  assert(cells.length >= 150, `${cells.length} cells`);
  const distinct = (of: readonly TrainOptions[], kind: keyof typeof kinds) =>
    new Set(of.map(kinds[kind])).size;
  const all = Object.values(families).flat().length;
  assertEquals(distinct(cells, "shape"), all);
  assertEquals(
    new Set(cells.map((cell) => JSON.stringify(cell))).size,
    cells.length,
    "a cell stands there twice",
  );
  for (const own of Map.groupBy(cells, ({ policy }) => policy).values()) {
    assertEquals(["parameters", "moments", "update"].map((kind) => distinct(own, kind)), [
      3,
      3,
      updates.length,
    ]);
  }
  for (const own of Map.groupBy(cells, ({ model }) => model.modelType).values()) {
    assertEquals(new Set(own.map(({ policy }) => policy)).size, policies.length);
    assertEquals(["parameters", "moments", "update"].map((kind) => distinct(own, kind)), [
      3,
      3,
      updates.length,
    ]);
  }
});

/** Cells of which one takes a step, too: a driver compiles each kernel when it first runs. */
const stepEvery = 11;

/** Batches of one step. */
function batchesOf({ model, sequence, batch, accumulate = 1 }: TrainOptions): Batch[] {
  const random = new Random(1);
  const some = (count: number, below: number) =>
    Uint8Array.from({ length: count }, () => random.below(below));
  if (model.modelType !== "vit") {
    const source = new RandomBatches(some(500, model.vocab), { batch, sequence, seed: 1 });
    return Array.from({ length: accumulate }, () => source.next());
  }
  return Array.from({ length: accumulate }, () => ({
    images: some(batch * 3 * model.image ** 2, 256),
    labels: Int32Array.from(some(batch, model.classes)),
  }));
}

for (const [family, of] of Map.groupBy(cells, ({ model }) => model.modelType)) {
  gpuTest(
    `Plans of ${family} are the buffers counted from outside, to the byte`,
    async () => {
      const gpu = await testGpu();
      for (const [i, cell] of of.entries()) {
        const name = [...Object.values(kinds).map((kind) => kind(cell)), (cell.policy as PolicyDocument).name]
          .join();
        const { plan: { bufferBytes } } = describeStep(cell, builderOptionsFor(gpu));
        const counter = countBuffers(gpu);
        const before = gpu.ledger.liveBytes;
        try {
          const session = await TrainingSession.create(gpu, cell);
          const counted = () => [counter.live(), gpu.ledger.liveBytes - before, session.plan.bufferBytes];
          assertEquals(counted(), [bufferBytes, bufferBytes, bufferBytes], name);
          if (i % stepEvery === 0) {
            session.step(batchesOf(cell));
            const [loss] = await session.losses();
            assert(Number.isFinite(loss), `${name}: the loss is ${loss}`);
            assertEquals(counted(), [bufferBytes, bufferBytes, bufferBytes], `${name}, after a step`);
          }
          session.destroy();
          assertEquals([counter.live(), gpu.ledger.liveBytes], [0, before], `${name} leaves buffers behind`);
        } finally {
          counter.stop();
        }
      }
    },
  );
}
