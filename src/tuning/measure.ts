import { median } from "simple-statistics";
import { BufferSet, requestsFor } from "../gpu/buffers.ts";
import { type BuilderOptions, ProgramBuilder } from "../gpu/builder.ts";
import type { Gpu } from "../gpu/device.ts";
import { OutOfMemoryError } from "../gpu/errors.ts";
import { Program } from "../gpu/program.ts";
import type { Store } from "../gpu/tensor.ts";
import { StepTimer, writesOfRun } from "../gpu/timing.ts";
import { OperandScales } from "../gpu/operand_scales.ts";
import { writeNoise } from "./noise_inputs.ts";
import { type TuningCase, tuningScales } from "./tuning_case.ts";

/** Milliseconds for which candidates run before they are timed, and that a burst of one of them is meant to take. */
const warmUp = 200;
const burst = 2;
const mostRuns = 100;
/** Bursts of each candidate, the candidates in turn: as many as fit into so many milliseconds, within bounds. */
const longest = 800;
const [fewestRounds, mostRounds] = [2, 7];
/** Candidates slower than this multiple of the fastest, at first sight, are not looked at again. */
const hopeless = 1.3;

/**
 * Milliseconds of one run of each candidate of a case, waits between its dispatches included; Infinity for one that this adapter's
 * compiler refuses. Throws OutOfMemoryError if the case does not fit. `timePrograms` is what times.
 */
export async function measureCandidates(
  gpu: Gpu,
  key: string,
  given: TuningCase,
  adapter: BuilderOptions,
  timePrograms = timeBursts,
): Promise<number[]> {
  const stores = new BufferSet<Store>(gpu);
  const programs: { program: Program; index: number }[] = [];
  try {
    const scales = new OperandScales();
    const kept = [...given.inputs, ...given.outputs, scales.of(tuningScales.key), scales.turn];
    await stores.allocate(requestsFor(kept.map(({ home }) => home!.store)));
    for (const [index, candidate] of given.candidates.entries()) {
      const builder = new ProgramBuilder(key, { ...adapter, scales, variants: { [key]: candidate } });
      given.emit(builder);
      const program = await made(gpu, builder, stores, programs[0]?.program);
      if (program) programs.push({ program, index });
    }
    const times = given.candidates.map(() => Infinity);
    if (programs.length === 0) return times;
    writeNoise(programs[0].program, given.inputs);
    for (const started = performance.now(); performance.now() - started < warmUp;) {
      for (const { program } of programs) program.run();
      await gpu.device.queue.onSubmittedWorkDone();
    }
    const time = async (some: typeof programs, runs: number[], rounds: number) => {
      const measured = await timePrograms(gpu, some.map(({ program }) => program), runs, rounds);
      some.forEach(({ index }, i) => times[index] = measured[i]);
    };
    await time(programs, programs.map(() => 1), fewestRounds);
    const near = programs.filter(({ index }) => times[index] <= hopeless * Math.min(...times));
    const runs = near.map(({ index }) => Math.max(1, Math.min(mostRuns, Math.round(burst / times[index]))));
    const round = near.reduce((sum, { index }, i) => sum + runs[i] * times[index], 0);
    await time(near, runs, Math.max(fewestRounds, Math.min(mostRounds, Math.floor(longest / round))));
    return times;
  } finally {
    for (const { program } of programs.reverse()) program.destroy();
    stores.destroy();
  }
}

/** The program of a candidate; undefined if its kernels do not compile here. */
async function made(gpu: Gpu, builder: ProgramBuilder, stores: BufferSet<Store>, lender?: Program) {
  try {
    return await Program.create(gpu, builder.build(), stores, lender);
  } catch (error) {
    if (error instanceof OutOfMemoryError) throw error;
    return undefined;
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
        const writes = timer.writes(round * programs.length + i);
        for (let run = 0; run < runs[i]; run++) {
          program.run(writes && writesOfRun(writes, run === 0, run === runs[i] - 1));
        }
      });
    }
    return burstMedians((await timer.finish()).stepMilliseconds, runs);
  } finally {
    timer.destroy();
  }
}

/** Median milliseconds of one run of each program, from those of the bursts, the programs in turn. */
export function burstMedians(milliseconds: readonly number[], runs: readonly number[]): number[] {
  return runs.map((count, i) => median(milliseconds.filter((_, burst) => burst % runs.length === i)) / count);
}
