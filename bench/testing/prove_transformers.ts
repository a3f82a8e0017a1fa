/**
 * Shows that checkpoints go to `transformers` and come back: what `train --save FOLDER` wrote has the same loss there as here, and what
 * `transformers` saves of it in shards, in f32, bf16 and f16, the same loss here as there. A line for each; ends with 1 if one is wrong. Wants a
 * Python with torch and `transformers`, and an adapter:
 *
 *     deno run -A bench/testing/prove_transformers.ts [--python python3] [--require-gpu] [MODEL…]
 *
 * A model is a preset or a document, as `--model` takes it; without any, small ones with a head of their own and with a tied one.
 */

import { parseArgs } from "node:util";
import { z } from "zod";
import { type Gpu, withGpu } from "../../src/gpu/device.ts";
import { readCheckpoint } from "../../src/models/checkpoint.ts";
import { limit } from "../../src/models/shared/reference_storage.ts";
import { TrainingSession } from "../../src/train/session.ts";
import type { TokenBatch } from "../../src/data/batches.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { withFolder } from "./folder.ts";
import { randomTokens } from "./large_step.ts";
import { where } from "./where.ts";

const project = `${import.meta.dirname}/../..`;
const size = { batch: 2, sequence: 64 };
const { values: { python, "require-gpu": requireGpu }, positionals } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    python: { type: "string", default: "python3" },
    "require-gpu": { type: "boolean", default: false },
  },
});

/** A Llama whose head is the word embedding, whose rotary positions are stretched, and whose heads are wider than width ÷ heads. */
const tied = {
  name: "llama-tied",
  preset: "llama-nano",
  ...{ tiedHead: true, headSize: 48, keyHeads: 1 },
  rotaryScaling: { factor: 8, slow: 1, fast: 4, positions: 32 },
};

const found = z.object({
  loss: z.number(),
  saved: z.array(z.object({ dtype: z.string(), folder: z.string(), files: z.int(), loss: z.number() })),
});

/** What a program prints. Throws with what it said where it fails. */
async function run(program: string, ...args: string[]): Promise<string> {
  const command = new Deno.Command(program, { args, cwd: project, stdout: "piped", stderr: "piped" });
  const { code, stdout, stderr } = await command.output();
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  return new TextDecoder().decode(stdout);
}

/** The loss of a checkpoint here. */
async function lossOf(gpu: Gpu, folder: string, batch: TokenBatch): Promise<number> {
  const { model, weights } = await readCheckpoint(folder);
  const options = { model, ...size, policy: "exact", seed: 1 };
  const session = await TrainingSession.create(gpu, options, weights);
  try {
    return (await session.evaluate([batch])).loss;
  } finally {
    session.destroy();
  }
}

let wrong = 0;
function tell(what: string, here: number, there: number): void {
  const difference = Math.abs(here - there);
  const good = difference <= limit; // a NaN is none
  if (!good) wrong++;
  console.log(
    `${good ? "right" : "WRONG"}  ${what}: loss ${here.toFixed(6)} here, ${
      difference.toExponential(1)
    } from that of transformers`,
  );
}

console.log(await where(await ensureAdapterEnvironment({ requireGpu })));
await withFolder(async (folder) => {
  const document = `${folder}/tied.json`;
  await Deno.writeTextFile(document, JSON.stringify(tied));
  const models = positionals.length > 0 ? positionals : ["llama-nano", document, "nano"];
  await withGpu({ requireGpu }, async (gpu) => {
    for (const [index, model] of models.entries()) {
      const [trained, there] = [`${folder}/${index}-trained`, `${folder}/${index}-transformers`];
      const train = ["run", "-A", "bench/main.ts", "train", "--model", model, "--save", trained, "--no-tune"];
      await run(Deno.execPath(), ...train, "--steps", "3", "--sample-tokens", "0", "--batch", "1");
      const batch = randomTokens({ model: (await readCheckpoint(trained)).model, ...size, seed: 1 });
      const rows = (ids: ArrayLike<number>) =>
        Array.from(
          { length: size.batch },
          (_, row) => Array.from({ length: size.sequence }, (_, i) => ids[row * size.sequence + i]),
        );
      const batchFile = `${folder}/${index}-batch.json`;
      await Deno.writeTextFile(
        batchFile,
        JSON.stringify({ inputs: rows(batch.inputs), targets: rows(batch.targets) }),
      );
      const told = found.parse(JSON.parse(
        await run(python, `${import.meta.dirname}/transformers_losses.py`, trained, batchFile, there),
      ));
      const name = model === document ? tied.name : model;
      tell(`${name}, written here`, await lossOf(gpu, trained, batch), told.loss);
      for (const { dtype, folder, files, loss } of told.saved) {
        tell(
          `${name}, written by transformers in ${dtype}, ${files} files`,
          await lossOf(gpu, folder, batch),
          loss,
        );
      }
    }
  });
});
console.log(wrong === 0 ? "Every loss is the same" : `${wrong} losses differ`);
Deno.exit(wrong === 0 ? 0 : 1);
