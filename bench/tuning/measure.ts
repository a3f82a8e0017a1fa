import { median } from "simple-statistics";
import { BufferSet, requestsFor } from "../../src/gpu/buffers.ts";
import { type BuilderOptions, ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { Program } from "../../src/gpu/program.ts";
import { type Store, tensorBytes } from "../../src/gpu/tensor.ts";
import { StepTimer } from "../../src/gpu/timing.ts";
import { noise } from "../noise.ts";
import type { TuningCase } from "./tuning_case.ts";

/** Milliseconds for which candidates run before they are timed, and that a burst of one of them is meant to take. */
const warmUp = 200;
const burst = 2;
/** Bursts of each candidate, the candidates in turn. */
const rounds = 7;
const mostRuns = 100;

/** Milliseconds of one run of each candidate of a case, waits between its dispatches included. */
export async function measureCandidates(
  gpu: Gpu,
  key: string,
  given: TuningCase,
  adapter: BuilderOptions,
): Promise<number[]> {
  const stores = new BufferSet<Store>(gpu);
  const programs: Program[] = [];
  const tensors = [...given.inputs, ...given.outputs];
  try {
    await stores.allocate(requestsFor(tensors.map(({ home }) => home!.store)));
    for (const candidate of given.candidates) {
      const builder = new ProgramBuilder(key, { ...adapter, variants: { [key]: candidate } });
      given.emit(builder);
      programs.push(await Program.create(gpu, builder.build(), stores, programs[0]));
    }
    const numbers = noise(Math.max(...given.inputs.map(tensorBytes)) / 4);
    for (const input of given.inputs) programs[0].write(input, numbers.subarray(0, tensorBytes(input) / 4));
    for (const started = performance.now(); performance.now() - started < warmUp;) {
      for (const program of programs) program.run();
      await gpu.device.queue.onSubmittedWorkDone();
    }
    const once = await timeBursts(gpu, programs, programs.map(() => 1), 3);
    const runs = once.map((ms) => Math.max(1, Math.min(mostRuns, Math.round(burst / ms))));
    return await timeBursts(gpu, programs, runs, rounds);
  } finally {
    for (const program of programs.reverse()) program.destroy();
    stores.destroy();
  }
}

/** Median milliseconds of one run of each program, `runs` of them back to back in a burst, the programs in turn, without a wait. */
async function timeBursts(
  gpu: Gpu,
  programs: readonly Program[],
  runs: readonly number[],
  rounds: number,
): Promise<number[]> {
  const timer = await StepTimer.create(gpu, rounds * programs.length);
  try {
    timer.start();
    for (let round = 0; round < rounds; round++) {
      programs.forEach((program, i) => {
        program.run(timer.writes(round * programs.length + i));
        for (let run = 1; run < runs[i]; run++) program.run();
      });
    }
    const { stepMilliseconds } = await timer.finish();
    return programs.map((_, i) =>
      median(stepMilliseconds.filter((_, step) => step % programs.length === i)) / runs[i]
    );
  } finally {
    timer.destroy();
  }
}
