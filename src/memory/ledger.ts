import type { Category } from "./category.ts";

/** A buffer as the ledger knows it. A pooled buffer serves tensors of several categories in turn, so it is booked as `pool`. */
export type Account = Category | "pool";

/** The account of every GPU buffer of a device: what is live, and how much was when that was most. */
export class Ledger {
  readonly #live = new Map<number, { name: string; account: Account; bytes: number }>();
  #next = 0;
  #liveBytes = 0;
  #peakBytes = 0;

  /** Books a buffer of `bytes` and returns the ticket that `close` takes. */
  open(name: string, account: Account, bytes: number): number {
    const ticket = this.#next++;
    this.#live.set(ticket, { name, account, bytes });
    this.#liveBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return ticket;
  }

  /** Books the end of a buffer. Throws on a ticket that is not open: a double destroy is a bug. */
  close(ticket: number): void {
    const entry = this.#live.get(ticket);
    if (!entry) throw new Error(`Ledger ticket ${ticket} is not open`);
    this.#live.delete(ticket);
    this.#liveBytes -= entry.bytes;
  }

  /** Bytes of all live buffers. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** The highest `liveBytes` so far. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Live buffers, largest first. */
  get entries(): { name: string; account: Account; bytes: number }[] {
    return [...this.#live.values()].sort((a, b) => b.bytes - a.bytes);
  }
}
