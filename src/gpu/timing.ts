import { BufferSet } from "./buffers.ts";
import type { Gpu } from "./device.ts";
import { readBuffer } from "./buffers.ts";

/** Where a run writes the times of its begin and end. */
export interface TimestampWrites {
  readonly querySet: GPUQuerySet;
  readonly begin: number;
  readonly end: number;
}

/** Times a window of steps. A step lasts from its begin to the next one's begin, the last to its end, so gaps count. */
export class StepTimer {
  #started = 0;

  private constructor(
    private readonly gpu: Gpu,
    private readonly steps: number,
    private readonly buffers: BufferSet<"times">,
    private readonly querySet?: GPUQuerySet,
  ) {}

  /** Makes a timer for `steps` steps. GPU timestamps are used where the device has them. */
  static async create(gpu: Gpu, steps: number): Promise<StepTimer> {
    const buffers = new BufferSet<"times">(gpu);
    if (!gpu.timestamps || steps > 2048) return new StepTimer(gpu, steps, buffers);
    const usage = GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC;
    await buffers.allocate([{
      key: "times",
      name: "timestamps",
      account: "control",
      bytes: 16 * steps,
      usage,
    }]);
    const querySet = gpu.device.createQuerySet({ type: "timestamp", count: 2 * steps });
    return new StepTimer(gpu, steps, buffers, querySet);
  }

  /** Starts the wall clock. The queue should be idle. */
  start(): void {
    this.#started = performance.now();
  }

  /** What step `step` of the window passes to its program's `run`. */
  writes(step: number): TimestampWrites | undefined {
    return this.querySet && { querySet: this.querySet, begin: 2 * step, end: 2 * step + 1 };
  }

  /** Waits for the queue; milliseconds of each step, and the clock they come from. */
  async finish(): Promise<{ stepMilliseconds: number[]; clock: "gpu" | "wall" }> {
    const { gpu, steps, querySet } = this;
    if (querySet) {
      const times = await this.#times();
      const stepMilliseconds = Array.from({ length: steps }, (_, i) => {
        const end = i + 1 < steps ? times[2 * i + 2] : times[2 * i + 1];
        return Number(end - times[2 * i]) / 1e6;
      });
      // Some software adapters report timestamps that never move.
      if (stepMilliseconds.every((ms) => ms > 0)) return { stepMilliseconds, clock: "gpu" };
    }
    await gpu.device.queue.onSubmittedWorkDone();
    gpu.checkHealth();
    const each = (performance.now() - this.#started) / steps;
    return { stepMilliseconds: new Array(steps).fill(each), clock: "wall" };
  }

  /** Waits for the queue; milliseconds from begin to end of each step. Needs GPU timestamps. */
  async durations(): Promise<number[]> {
    const times = await this.#times();
    return Array.from({ length: this.steps }, (_, i) => Number(times[2 * i + 1] - times[2 * i]) / 1e6);
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
