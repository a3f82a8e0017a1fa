import { categories, type Category, noBytes } from "./category.ts";

/** A buffer as the ledger knows it. A pooled buffer serves tensors of several categories in turn, so it is booked as `pool`. */
export type Account = Category | "pool";

/** Bytes of live buffers by account. */
export type Balance = Record<Account, number>;

function emptyBalance(): Balance {
  return { ...noBytes(), pool: 0 };
}

/** The account of every GPU buffer of a device: what is live, and what was live when the total was highest. */
export class Ledger {
  readonly #live = new Map<number, { name: string; account: Account; bytes: number }>();
  #next = 0;
  #balance = emptyBalance();
  #peak = emptyBalance();
  #liveBytes = 0;
  #peakBytes = 0;

  /** Books a buffer of `bytes` and returns the ticket that `close` takes. */
  open(name: string, account: Account, bytes: number): number {
    const ticket = this.#next++;
    this.#live.set(ticket, { name, account, bytes });
    this.#balance[account] += bytes;
    this.#liveBytes += bytes;
    if (this.#liveBytes > this.#peakBytes) {
      this.#peakBytes = this.#liveBytes;
      this.#peak = { ...this.#balance };
    }
    return ticket;
  }

  /** Books the end of a buffer. Throws on a ticket that is not open: a double destroy is a bug. */
  close(ticket: number): void {
    const entry = this.#live.get(ticket);
    if (!entry) throw new Error(`Ledger ticket ${ticket} is not open`);
    this.#live.delete(ticket);
    this.#balance[entry.account] -= entry.bytes;
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

  /** Live bytes by account, now. */
  get balance(): Balance {
    return { ...this.#balance };
  }

  /** Bytes by account at the instant of the peak. */
  get balanceAtPeak(): Balance {
    return { ...this.#peak };
  }

  /** Live buffers, largest first. */
  get entries(): { name: string; account: Account; bytes: number }[] {
    return [...this.#live.values()].sort((a, b) => b.bytes - a.bytes);
  }
}

/** Accounts in the order in which tables show them. */
export const accounts: readonly Account[] = [...categories, "pool"];
