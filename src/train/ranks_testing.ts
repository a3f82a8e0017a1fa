/** Reference cases trained by one process or by several: a module for tests, and the program that each of their ranks runs: it is told jobs, and a folder. */

import { createHash } from "node:crypto";
import type { TokenBatch } from "../data/batches.ts";
import type { ImageBatch } from "../data/image_batches.ts";
import { type Gpu, openGpu } from "../gpu/device.ts";
import { weightsFrom } from "../models/checkpoint.ts";
import type { ModelConfig } from "../models/families.ts";
import { readGoldenCase } from "../models/golden_case.ts";
import { openMpi } from "../ranks/mpi.ts";
import type { Share } from "../ranks/share.ts";
import { TrainingSession } from "./session.ts";
import type { TrainOptions } from "./options.ts";

/** What is trained: some steps of a reference case in `src/models/testdata`. */
export interface Job {
  readonly folder: string;
  readonly over: Share["over"];
  /** How many of the case's batches are one of ours. */
  readonly joined?: number;
  readonly steps?: number;
  readonly changes: Partial<TrainOptions>;
}

/** What came of it. */
export interface Outcome {
  readonly losses: number[];
  readonly validation: number;
  readonly norms: number[];
  /** Of all weights after the last step. */
  readonly weights: string;
  /** Of the first step. */
  readonly gradients: Record<string, number[]>;
}

/** Trains on this process's device: alone, or as one of its ranks. */
export async function trainCase(gpu: Gpu, job: Job): Promise<Outcome> {
  const { folder, over, joined = 1, steps = 2, changes } = job;
  const golden = await readGoldenCase(new URL(`../models/testdata/${folder}`, import.meta.url).pathname);
  const { size } = gpu.ranks;
  const options: TrainOptions = {
    model: { ...golden.config, name: folder } as ModelConfig,
    sequence: golden.sequence,
    batch: golden.batch * joined,
    ...golden.optimizer,
    ...{ policy: "exact", seed: 0, clipNorm: 0.5, pixels: "f32" as const },
    ...changes,
    ...size > 1 && { ranks: size, spread: over },
  };
  const batches = Array.from(
    { length: Math.floor(golden.batches.length / joined) },
    (_, i) => join(golden.batches.slice(i * joined, (i + 1) * joined)),
  );
  const microBatches = options.accumulate ?? 1;
  const before = gpu.ledger.liveBytes;
  const session = await TrainingSession.create(
    gpu,
    options,
    weightsFrom(golden.weights, golden.config, folder),
  );
  try {
    const [booked, planned] = [gpu.ledger.liveBytes - before, session.plan.bufferBytes];
    if (booked !== planned) throw new Error(`${booked} bytes are booked, and ${planned} planned`);
    const stepOf = (i: number) => batches.slice(i * microBatches, (i + 1) * microBatches);
    session.step(stepOf(0));
    const gradients = options.update === "backward" ? [] : [...await session.gradients()];
    for (let i = 1; i < steps; i++) session.step(stepOf(i));
    const losses = await session.losses();
    const norms = await session.gradientNorms();
    const { loss } = await session.evaluate(batches.slice(0, 2));
    const digest = createHash("sha256");
    for (const { data } of (await session.parameters()).values()) digest.update(new Uint8Array(data.buffer));
    return {
      losses,
      validation: loss,
      norms,
      weights: digest.digest("hex"),
      gradients: Object.fromEntries(gradients.map(([name, { data }]) => [name, [...data]])),
    };
  } finally {
    session.destroy();
  }
}

/** Batches as one. */
function join<Batch extends TokenBatch | ImageBatch>(batches: readonly Batch[]): Batch {
  const names = Object.keys(batches[0]) as (keyof Batch)[];
  return Object.fromEntries(names.map((name) => {
    const all = batches.map((batch) => batch[name] as unknown as Float32Array);
    const whole = new (all[0].constructor as Float32ArrayConstructor)(all.length * all[0].length);
    all.forEach((values, i) => whole.set(values, i * values.length));
    return [name, whole];
  })) as unknown as Batch;
}

if (import.meta.main) {
  const ranks = openMpi();
  const gpu = await openGpu({}, ranks);
  const [jobs, folder] = Deno.args;
  const outcomes: Outcome[] = [];
  for (const job of JSON.parse(jobs) as Job[]) outcomes.push(await trainCase(gpu, job));
  await Deno.writeTextFile(`${folder}/${ranks.rank}.json`, JSON.stringify(outcomes));
  gpu.destroy();
  ranks.close();
}
