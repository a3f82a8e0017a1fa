import { BufferSet, readBuffer } from "./buffers.ts";
import type { Gpu } from "./device.ts";

/** Where a run writes the times of its begin and end; one that is left out is not asked for. */
export interface TimestampWrites {
  readonly querySet: GPUQuerySet;
  readonly begin?: number;
  readonly end?: number;
}

/** What one of the runs that are timed together writes: the first their begin, the last their end. */
export const writesOfRun = (
  { querySet, begin, end }: Required<TimestampWrites>,
  first: boolean,
  last: boolean,
): TimestampWrites => ({ querySet, ...first && { begin }, ...last && { end } });

/**
 * Milliseconds of steps that follow one another, from the begin and the end of each in nanoseconds: from its begin to the next one's, so
 * that gaps count; the last to its end.
 */
export function stepMilliseconds(times: BigUint64Array): number[] {
  const last = times.length / 2 - 1;
  return durations(times).map((own, i) => i < last ? milliseconds(times[2 * i], times[2 * i + 2]) : own);
}

/** Milliseconds from the begin to the end of each step, both in nanoseconds. */
export function durations(times: BigUint64Array): number[] {
  return Array.from({ length: times.length / 2 }, (_, i) => milliseconds(times[2 * i], times[2 * i + 1]));
}

const milliseconds = (from: bigint, to: bigint) => Number(to - from) / 1e6;

/** Steps that one timer can time: a query set holds two timestamps of each. */
export const mostTimed = 2048;

/** Times a window of steps. */
export class StepTimer {
  #started = 0;

  private constructor(
    private readonly gpu: Gpu,
    private readonly steps: number,
    private readonly buffers: BufferSet<"times">,
    private readonly now: () => number,
    private readonly querySet?: GPUQuerySet,
  ) {}

  /** Makes a timer for `steps` steps. GPU timestamps are used where the device has them, else the wall clock `now`, in milliseconds. */
  static async create(gpu: Gpu, steps: number, now = () => performance.now()): Promise<StepTimer> {
    const buffers = new BufferSet<"times">(gpu);
    if (!gpu.timestamps || steps > mostTimed) return new StepTimer(gpu, steps, buffers, now);
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    await buffers.allocate([{
      key: "times",
      name: "timestamps",
      bytes: 16 * steps,
      usage,
    }]);
    const querySet = gpu.device.createQuerySet({ type: "timestamp", count: 2 * steps });
    return new StepTimer(gpu, steps, buffers, now, querySet);
  }

  /** Starts the wall clock. The queue should be idle. */
  start(): void {
    this.#started = this.now();
  }

  /** What step `step` of the window passes to its program's `run`. */
  writes(step: number): Required<TimestampWrites> | undefined {
    return this.querySet && { querySet: this.querySet, begin: 2 * step, end: 2 * step + 1 };
  }

  /** Waits for the queue; milliseconds of each step, and the clock they come from. */
  async finish(): Promise<{ stepMilliseconds: number[]; clock: "gpu" | "wall" }> {
    const { gpu, steps } = this;
    if (this.querySet) {
      const timed = stepMilliseconds(await this.#times());
      // Some software adapters report timestamps that never move.
      if (timed.every((ms) => ms > 0)) return { stepMilliseconds: timed, clock: "gpu" };
    }
    await gpu.device.queue.onSubmittedWorkDone();
    gpu.checkHealth();
    const each = (this.now() - this.#started) / steps;
    return { stepMilliseconds: new Array(steps).fill(each), clock: "wall" };
  }

  /** Waits for the queue; milliseconds from begin to end of each step. Needs GPU timestamps. */
  async durations(): Promise<number[]> {
    return durations(await this.#times());
  }

  /** Begin and end of each step, in nanoseconds. */
  async #times(): Promise<BigUint64Array> {
    const { gpu, steps } = this;
    const encoder = gpu.device.createCommandEncoder();
    encoder.resolveQuerySet(this.querySet!, 0, 2 * steps, this.buffers.get("times"), 0);
    gpu.device.queue.submit([encoder.finish()]);
    return new BigUint64Array(await readBuffer(gpu, this.buffers.get("times"), 0, 16 * steps));
  }

  destroy(): void {
    this.querySet?.destroy();
    this.buffers.destroy();
  }
}
