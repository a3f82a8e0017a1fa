import type { Ranks } from "../ranks/ranks.ts";
import { Scratch } from "../ranks/scratch.ts";
import { BufferSet } from "./buffers.ts";
import type { Gpu } from "./device.ts";
import type { Scope } from "./kernel.ts";
import { bytesOf, type Piece, type Run, runsOf } from "./pieces.ts";
import type { Tensor } from "./tensor.ts";
import { durations } from "./timing.ts";

/**
 * A step of a program in which tensors leave the card and others, or the same, arrive from the host. What is both sent and received holds the
 * old numbers until all of it has left.
 */
export interface Exchange extends Scope {
  readonly name: string;
  /** What leaves, and what arrives: side by side in the host's memory, in this order. */
  readonly leaves: readonly Piece[];
  readonly arrives: readonly Piece[];
  /** What the host does in between, on the numbers themselves. */
  readonly carry: (ranks: Ranks, left: Float32Array, arrived: Float32Array) => void;
  readonly stays?: Stays;
}

/** What stays on the card and only changes its place, from pieces to others of as many runs as long: before anything arrives, beside what leaves; or late, when all has left. */
export interface Stays {
  readonly copies: readonly { readonly from: Piece; readonly to: Piece }[];
  readonly late: boolean;
}

/** An exchange among the dispatches of a program: it comes before that many of them are done. */
export interface PlacedExchange extends Exchange {
  readonly before: number;
}

/** What exchanges took: bytes that left, and milliseconds of what the host does and waits for, one after another. */
export interface ExchangeTimes {
  readonly count: number;
  readonly bytes: number;
  /** That the card computed beside the exchange before and since, by its own clock; null where it tells no times: then they are among those of `map`. */
  readonly compute: number | null;
  /** The rest of the time from the first work that was queued for it until the host has what leaves. */
  readonly map: number;
  /** Between the ranks. */
  readonly transfer: number;
  /** Until what arrived is queued to be copied. */
  readonly write: number;
}

export const noExchanges: ExchangeTimes = { count: 0, bytes: 0, compute: 0, map: 0, transfer: 0, write: 0 };

/** Both together. */
function addTimes(a: ExchangeTimes, b: ExchangeTimes): ExchangeTimes {
  const names = ["count", "bytes", "map", "transfer", "write"] as const;
  const sums = Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as Omit<
    ExchangeTimes,
    "compute"
  >;
  return { ...sums, compute: a.compute === null || b.compute === null ? null : a.compute + b.compute };
}

const sides = ["leaves", "arrives"] as const;
type Staged = typeof sides[number] | "times";

/** Stretches of work that an exchange waits for: what may run beside the exchange before, and what comes after that. */
const mostStretches = 2;

/** When the card began and ended each, in nanoseconds, which leaves behind all else. */
const timesBytes = 2 * mostStretches * BigUint64Array.BYTES_PER_ELEMENT;

/** Where the times are mapped that leave behind so many bytes. */
const timesAt = (bytes: number) => Math.ceil(bytes / 8) * 8;

/** Names and bytes of the buffers through which a program's exchanges go, one after another; none if there are none. */
export function stagingBytes(exchanges: readonly Exchange[]): { key: Staged; name: string; bytes: number }[] {
  if (exchanges.length === 0) return [];
  const [leaves, arrives] = sides.map((side) => Math.max(...exchanges.map((each) => bytesOf(each[side]))));
  return [
    { key: "leaves", name: "what leaves", bytes: timesAt(leaves) + timesBytes },
    { key: "arrives", name: "what arrives", bytes: arrives },
    { key: "times", name: "when it left", bytes: timesBytes },
  ];
}

/** Whether what arrives is mapped, too. */
const mapsBoth = ({ runtime }: Gpu) => runtime === "dawn";

/** For what arrives, where nothing is mapped for it. */
const scratch = new Scratch();

/**
 * The buffers through which tensors leave and arrive. The host maps what leaves, and, under Dawn, where what arrives is to stand, and hands over
 * the mapped ranges themselves; natively to map for writing is to read what stands there, at 0.06 GB/s on an H200 (docs/runtime.md).
 */
export class Staging {
  readonly #marks: GPUQuerySet | undefined;
  #times = noExchanges;
  /** The stretches of work that the next exchange waits for: how many there are, whether one goes on, and since when they are waited for. */
  #stretches = 0;
  #going = false;
  #since: number | undefined;

  private constructor(readonly gpu: Gpu, private readonly buffers: BufferSet<Staged>) {
    this.#marks = gpu.timestamps
      ? gpu.device.createQuerySet({ type: "timestamp", count: 2 * mostStretches })
      : undefined;
  }

  /** Makes the buffers. Throws OutOfMemoryError with the bytes wanted. */
  static async create(gpu: Gpu, exchanges: readonly Exchange[]): Promise<Staging> {
    const usages = {
      leaves: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      arrives: GPUBufferUsage.COPY_SRC |
        (mapsBoth(gpu) ? GPUBufferUsage.MAP_WRITE : GPUBufferUsage.COPY_DST),
      times: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    };
    const buffers = new BufferSet<Staged>(gpu);
    await buffers.allocate(
      stagingBytes(exchanges).map(({ key, name, bytes }) => ({
        ...{ key, bytes, name: `staging: ${name}`, usage: usages[key] },
      })),
    );
    return new Staging(gpu, buffers);
  }

  /** Told before work is encoded that an exchange comes after: marks when the card begins with the first of it. */
  begin(encoder: GPUCommandEncoder): void {
    if (this.#going) return;
    this.#going = true;
    this.#since ??= performance.now();
    this.#mark(encoder, { beginningOfPassWriteIndex: 2 * this.#stretches++ });
  }

  /** Marks when the card has done what was begun. */
  #end(encoder: GPUCommandEncoder): void {
    if (!this.#going) return;
    this.#going = false;
    this.#mark(encoder, { endOfPassWriteIndex: 2 * this.#stretches - 1 });
  }

  /** Has the card write its time when all before is done. */
  #mark(encoder: GPUCommandEncoder, at: Omit<GPUComputePassTimestampWrites, "querySet">): void {
    if (!this.#marks) return;
    encoder.beginComputePass({ timestampWrites: { querySet: this.#marks, ...at } }).end();
  }

  /**
   * Does an exchange behind all that is queued; what it writes is queued when it is done. `placeOf` finds tensors; `beside` queues what need not
   * wait for it, once all has left: to map waits for the whole queue (docs/runtime.md).
   */
  async exchange(
    { leaves, arrives, carry, stays }: Exchange,
    placeOf: (tensor: Tensor) => { readonly buffer: GPUBuffer; readonly offset: number },
    beside: () => void = () => {},
  ): Promise<void> {
    const { device, ranks } = this.gpu;
    const [out, back] = sides.map((side) => this.buffers.get(side));
    const since = this.#since ?? performance.now();
    const stretches = this.#stretches;
    const [leaving, toWrite] = [bytesOf(leaves), bytesOf(arrives)];
    const times = stretches > 0 && this.#marks ? { marks: this.#marks, at: timesAt(leaving) } : null;
    const toMap = times ? times.at + timesBytes : leaving;
    const placed = ({ tensor, offset }: Run) => {
      const { buffer, offset: first } = placeOf(tensor);
      return [buffer, first + offset] as const;
    };
    /** Queues copies of pieces, each with its place among what is staged, and of what stays. */
    const copy = (
      pieces: readonly Piece[],
      each: (encoder: GPUCommandEncoder, run: Run, at: number) => void,
      staying?: Stays,
      encoder = device.createCommandEncoder(),
    ) => {
      let at = 0;
      for (const piece of pieces) {
        for (const run of runsOf(piece)) {
          each(encoder, run, at);
          at += run.bytes;
        }
      }
      for (const { from, to } of staying?.copies ?? []) {
        const targets = runsOf(to);
        for (const run of runsOf(from)) {
          encoder.copyBufferToBuffer(...placed(run), ...placed(targets.next().value!), run.bytes);
        }
      }
      device.queue.submit([encoder.finish()]);
    };
    const encoder = device.createCommandEncoder();
    this.#end(encoder);
    if (times) {
      const resolved = this.buffers.get("times");
      encoder.resolveQuerySet(times.marks, 0, 2 * stretches, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, out, times.at, timesBytes);
    }
    copy(
      leaves,
      (encoder, run, at) => encoder.copyBufferToBuffer(...placed(run), out, at, run.bytes),
      stays?.late ? undefined : stays,
      encoder,
    );
    // A rank may have nothing to send, or nothing to receive, and nothing cannot be mapped.
    await Promise.all([
      toMap > 0 && out.mapAsync(GPUMapMode.READ, 0, toMap),
      toWrite > 0 && mapsBoth(this.gpu) && back.mapAsync(GPUMapMode.WRITE, 0, toWrite),
    ]);
    this.gpu.checkHealth();
    const mapped = performance.now();
    const compute = times
      ? durations(new BigUint64Array(out.getMappedRange(times.at, 16 * stretches))).reduce((a, b) => a + b)
      : stretches === 0
      ? 0
      : null;
    this.#stretches = 0;
    beside();
    if (this.#going) {
      const encoder = device.createCommandEncoder();
      this.#end(encoder);
      device.queue.submit([encoder.finish()]);
    }
    const numbers = (buffer: GPUBuffer, bytes: number) =>
      new Float32Array(bytes > 0 ? buffer.getMappedRange(0, bytes) : new ArrayBuffer());
    const asked = performance.now();
    const left = numbers(out, leaving);
    const arrived = mapsBoth(this.gpu) ? numbers(back, toWrite) : scratch.of(toWrite / 4);
    const reading = performance.now() - asked; // natively a copy
    carry(ranks, left, arrived);
    const carried = performance.now();
    if (toMap > 0) out.unmap();
    if (mapsBoth(this.gpu) && toWrite > 0) back.unmap();
    else if (toWrite > 0) device.queue.writeBuffer(back, 0, arrived);
    copy(
      arrives,
      (encoder, run, at) => encoder.copyBufferToBuffer(back, at, ...placed(run), run.bytes),
      stays?.late ? stays : undefined,
    );
    this.#times = addTimes(this.#times, {
      count: 1,
      bytes: leaving,
      compute,
      map: Math.max(0, mapped - since - (compute ?? 0)) + reading,
      transfer: carried - mapped - reading,
      write: performance.now() - carried,
    });
    this.#since = this.#stretches > 0 ? performance.now() : undefined;
  }

  /** Forgets the times so far. The queue must be idle. */
  startTimes(): void {
    this.#times = noExchanges;
    [this.#stretches, this.#going, this.#since] = [0, false, undefined];
  }

  /** What all exchanges since the last call, or the start, took. */
  takeTimes(): ExchangeTimes {
    const times = this.#times;
    this.#times = noExchanges;
    return times;
  }

  destroy(): void {
    this.#marks?.destroy();
    this.buffers.destroy();
  }
}
