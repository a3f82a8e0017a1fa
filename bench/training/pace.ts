import process from "node:process";
import { z } from "zod";

export const paceTold = z.object({
  seconds: z.number().describe("of training, evaluation apart"),
  longestPause: z.number().describe("seconds, the longest between two readings of losses"),
  processorSeconds: z.number().describe("of all threads of this process while it trained"),
});

/** Seconds by clocks that only go forward: the wall's, and the processor's of this process. */
export interface Clocks {
  wall(): number;
  processor(): number;
}

const machine: Clocks = {
  wall: () => performance.now() / 1000,
  processor() {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  },
};

/** How evenly a training run goes on: what waits for a GPU may wait too long, or keep a processor busy with it. */
export class Pace {
  #seconds = 0;
  #processorSeconds = 0;
  #longestPause = 0;
  #last: { wall: number; processor: number } | null = null;

  constructor(readonly clocks = machine) {}

  /** Training begins, or goes on after something else. */
  begin(): void {
    this.#last = { wall: this.clocks.wall(), processor: this.clocks.processor() };
  }

  /** Losses were read. */
  mark(): void {
    if (!this.#last) throw new Error("A pace is marked before it began");
    const { wall, processor } = this.#last;
    this.begin();
    const pause = this.#last.wall - wall;
    this.#seconds += pause;
    this.#processorSeconds += this.#last.processor - processor;
    this.#longestPause = Math.max(this.#longestPause, pause);
  }

  get told(): z.infer<typeof paceTold> {
    return {
      seconds: this.#seconds,
      longestPause: this.#longestPause,
      processorSeconds: this.#processorSeconds,
    };
  }
}
