import { assert, assertEquals } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { builderOptionsFor } from "../gpu/builder.ts";
import { countBuffers } from "../gpu/testing.ts";
import { type Gpt2Config, gpt2Presets } from "../models/gpt2/config.ts";
import { policyDocument, policyNames } from "../storage/policies.ts";
import { describeStep } from "./plan_training.ts";
import { TrainingSession } from "./session.ts";
import { vit, vitOptions } from "./testing.ts";

const { nano } = gpt2Presets;

gpuTest(
  "Plans are the buffers counted from outside, to the byte: every preset, at ragged lengths, of both families",
  async () => {
    const gpu = await testGpu();
    const text: Gpt2Config = {
      ...nano,
      name: "text",
      layers: 2,
      width: 18,
      heads: 3,
      vocab: 70,
      positions: 200,
    };
    const images = { ...vit, layers: 2 };
    const shapes = [[1, 1], [37, 3], [64, 2], [130, 1], [200, 2]].map(([sequence, batch]) => ({
      ...{ model: text, sequence, batch },
    }));
    let cells = 0;
    for (const shape of [...shapes, { model: images, sequence: vitOptions.sequence, batch: 3 }]) {
      for (const name of policyNames) {
        // Pieces so small that there are several.
        const document = policyDocument(name);
        const pieces = document.mini_sequences.mlp === "whole" ? {} : { mlp: 64, head: 64 };
        const policy = { ...document, mini_sequences: { ...document.mini_sequences, ...pieces } };
        const options = { ...shape, policy, seed: 1 };
        const counter = countBuffers(gpu);
        const before = gpu.ledger.liveBytes;
        try {
          const session = await TrainingSession.create(gpu, options);
          const { plan: { bufferBytes } } = describeStep(options, builderOptionsFor(gpu));
          const counted = [counter.live(), gpu.ledger.liveBytes - before, session.plan.bufferBytes];
          assertEquals(
            counted,
            [bufferBytes, bufferBytes, bufferBytes],
            `${name} ${shape.sequence}×${shape.batch}`,
          );
          session.destroy();
        } finally {
          counter.stop();
        }
        cells++;
      }
    }
    assert(cells >= 60, `${cells} cells`);
  },
);
