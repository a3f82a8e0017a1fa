import type { Cell } from "../report/cell_rounds.ts";
import type { CellRecord } from "../results/results.ts";

/** Bytes of memory that are a matter of the plan, so the same in every run of one program. */
export const memoryQuantities = {
  savedBytes: "saved activations",
  livePeakBytes: "live peak",
  bufferBytes: "buffers",
  ledgerPeakBytes: "all buffers of the process",
} as const;

type Quantity = keyof typeof memoryQuantities;

/** A quantity in two reports. */
export interface MemoryChange {
  readonly quantity: Quantity;
  readonly base: number;
  readonly own: number;
}

export type MemoryVerdict = "less" | "more" | "same" | "mixed";

/** The quantities that both cells have, of the first rounds that are alike: training for quality takes memory of its own. */
export function compareMemory(base: Cell, own: Cell): MemoryChange[] {
  return (Object.keys(memoryQuantities) as Quantity[]).flatMap((quantity) => {
    const has = ({ memory }: CellRecord) => memory?.[quantity] != null;
    for (const one of base.records.filter(has)) {
      const other = own.records.find((record) => has(record) && trains(record) === trains(one));
      if (other) return [{ quantity, base: one.memory![quantity]!, own: other.memory![quantity]! }];
    }
    return [];
  });
}

const trains = ({ configuration }: CellRecord) => configuration.qualitySteps > 0;

/** What changed, to the byte; null if nothing could be compared. */
export function memoryVerdict(changes: readonly MemoryChange[]): MemoryVerdict | null {
  if (changes.length === 0) return null;
  const [more, less] = [
    changes.some(({ base, own }) => own > base),
    changes.some(({ base, own }) => own < base),
  ];
  return more && less ? "mixed" : more ? "more" : less ? "less" : "same";
}
