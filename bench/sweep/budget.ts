import { UserError } from "../../src/errors.ts";
import { type Look, probeAdapter, type TrialHost } from "./trials.ts";

const GiB = 2 ** 30;

/** Bytes for which a table is made where there is no card: those of cards that there are. */
export const usualBudgets = [8, 16, 24, 48, 80, 141].map((size) => size * GiB);

/** Who tells how many bytes there are: the user, the card's driver, or buffers that were taken until one was refused. */
export const sources = ["option", "driver", "probe"] as const;

/** Bytes that the buffers of a step may take. */
export interface Budget {
  readonly bytes: number;
  readonly source: typeof sources[number];
}

/** Bytes that users tell. */
export const told = (bytes: number): Budget => ({ bytes, source: "option" });

/**
 * What a card gives: what its driver says to be free, else what a probe finds. Throws a UserError on a software adapter, whose memory is the
 * machine's.
 */
export async function budgetOfCard({ adapter, adapterClass, free }: Look, host: TrialHost): Promise<Budget> {
  if (adapterClass === "software") {
    throw new UserError(`${adapter} has no memory of its own; say with --memory how much a step may take`);
  }
  if (free !== null) return { bytes: free, source: "driver" };
  console.error("The driver does not tell what is free: taking buffers until one is refused");
  return { bytes: await probeAdapter(host), source: "probe" };
}
