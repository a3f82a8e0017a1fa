import type { Ranks } from "../ranks/ranks.ts";
import { BufferSet } from "./buffers.ts";
import type { Gpu } from "./device.ts";
import type { Scope } from "./kernel.ts";
import { type Tensor, tensorBytes } from "./tensor.ts";

/** Bytes of a tensor of f32: whole words, from `offset` on. */
export interface Piece {
  readonly tensor: Tensor;
  readonly offset: number;
  readonly bytes: number;
}

/** All of a tensor. */
export const wholly = (tensor: Tensor): Piece => ({ tensor, offset: 0, bytes: tensorBytes(tensor) });

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

/** What stays on the card and only changes its place: before anything arrives, beside what leaves; or late, when all has left. */
export interface Stays {
  readonly copies: readonly { readonly from: Piece; readonly to: Piece }[];
  readonly late: boolean;
}

/** An exchange among the dispatches of a program: it comes before that many of them are done. */
export interface PlacedExchange extends Exchange {
  readonly before: number;
}

/** What exchanges took: bytes that left, and milliseconds of the wait until they are mapped, of the transfer, and of writing what arrived. */
export interface ExchangeTimes {
  readonly count: number;
  readonly bytes: number;
  readonly map: number;
  readonly transfer: number;
  readonly write: number;
}

export const noExchanges: ExchangeTimes = { count: 0, bytes: 0, map: 0, transfer: 0, write: 0 };

/** Both together. */
export function addTimes(a: ExchangeTimes, b: ExchangeTimes): ExchangeTimes {
  const names = Object.keys(a) as (keyof ExchangeTimes)[];
  return Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as unknown as ExchangeTimes;
}

const bytesOf = (pieces: readonly Piece[]) => pieces.reduce((sum, { bytes }) => sum + bytes, 0);

const sides = ["leaves", "arrives"] as const;
type Side = typeof sides[number];

/** Bytes of the two buffers through which a program's exchanges go, one after another; none if there are none. */
export function stagingBytes(exchanges: readonly Exchange[]): { side: Side; bytes: number }[] {
  if (exchanges.length === 0) return [];
  return sides.map((side) => ({ side, bytes: Math.max(...exchanges.map((each) => bytesOf(each[side]))) }));
}

/** The buffers through which tensors leave and arrive: the host maps both, and hands over the mapped ranges themselves. */
export class Staging {
  readonly #buffers: BufferSet<Side>;
  #times = noExchanges;

  private constructor(readonly gpu: Gpu) {
    this.#buffers = new BufferSet(gpu);
  }

  /** Makes the buffers. Throws OutOfMemoryError with the bytes wanted. */
  static async create(gpu: Gpu, exchanges: readonly Exchange[]): Promise<Staging> {
    const staging = new Staging(gpu);
    const usages = {
      leaves: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      arrives: GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC,
    };
    await staging.#buffers.allocate(
      stagingBytes(exchanges).map(({ side, bytes }) => ({
        key: side,
        name: `staging: what ${side}`,
        account: "control",
        bytes,
        usage: usages[side],
      })),
    );
    return staging;
  }

  /** Does an exchange behind all that is queued; what it writes is queued when it is done. `placeOf` finds tensors. */
  async exchange(
    { leaves, arrives, carry, stays }: Exchange,
    placeOf: (tensor: Tensor) => { readonly buffer: GPUBuffer; readonly offset: number },
  ): Promise<void> {
    const { device, ranks } = this.gpu;
    const [out, back] = sides.map((side) => this.#buffers.get(side));
    const started = performance.now();
    const placed = ({ tensor, offset }: Piece) => {
      const { buffer, offset: first } = placeOf(tensor);
      return [buffer, first + offset] as const;
    };
    /** Queues copies of pieces, each with its place among what is staged, and of what stays. */
    const copy = (
      pieces: readonly Piece[],
      each: (encoder: GPUCommandEncoder, piece: Piece, at: number) => void,
      staying?: Stays,
    ) => {
      const encoder = device.createCommandEncoder();
      let at = 0;
      for (const piece of pieces) {
        each(encoder, piece, at);
        at += piece.bytes;
      }
      for (const { from, to } of staying?.copies ?? []) {
        encoder.copyBufferToBuffer(...placed(from), ...placed(to), from.bytes);
      }
      device.queue.submit([encoder.finish()]);
    };
    copy(
      leaves,
      (encoder, piece, at) => encoder.copyBufferToBuffer(...placed(piece), out, at, piece.bytes),
      stays?.late ? undefined : stays,
    );
    const [leaving, arriving] = [bytesOf(leaves), bytesOf(arrives)];
    // A rank may have nothing to send, or nothing to receive, and nothing cannot be mapped.
    await Promise.all([
      leaving > 0 && out.mapAsync(GPUMapMode.READ, 0, leaving),
      arriving > 0 && back.mapAsync(GPUMapMode.WRITE, 0, arriving),
    ]);
    this.gpu.checkHealth();
    const mapped = performance.now();
    const numbers = (buffer: GPUBuffer, bytes: number) =>
      new Float32Array(bytes > 0 ? buffer.getMappedRange(0, bytes) : new ArrayBuffer());
    carry(ranks, numbers(out, leaving), numbers(back, arriving));
    const carried = performance.now();
    if (leaving > 0) out.unmap();
    if (arriving > 0) back.unmap();
    copy(
      arrives,
      (encoder, piece, at) => encoder.copyBufferToBuffer(back, at, ...placed(piece), piece.bytes),
      stays?.late ? stays : undefined,
    );
    this.#times = addTimes(this.#times, {
      count: 1,
      bytes: leaving,
      map: mapped - started,
      transfer: carried - mapped,
      write: performance.now() - carried,
    });
  }

  /** What all exchanges since the last call took. */
  takeTimes(): ExchangeTimes {
    const times = this.#times;
    this.#times = noExchanges;
    return times;
  }

  destroy(): void {
    this.#buffers.destroy();
  }
}
