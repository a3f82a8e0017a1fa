import { createPolicy } from "../../storage/policies.ts";
import type { SavedTensor, StoragePolicy } from "../../storage/policy.ts";
import { type PolicyDocument, storageOf } from "../../storage/policy_document.ts";
import type { StoredTensor } from "../../storage/stored_values.ts";

/** What f32 arithmetic must reach against float64, gradient by gradient (‖g − r‖ / ‖r‖) and for the loss; it reaches about 6e-7. */
export const limit = 1e-5;

/** What storage gives back of a saved tensor [rows, cols] of that key. Not-a-number stands for elements of which nothing is said. */
export type ReferenceStore = (
  key: string,
  tensor: Float64Array,
  rows: number,
  cols: number,
  saved: SavedTensor,
) => Float64Array;

/** Which tensors a reference saves, and what it reads of them in backward. */
export interface ReferenceStorage {
  /** By default what is saved is kept as it is. */
  readonly store?: ReferenceStore;
  /** By default fused attention, functions of what is saved computed again, and no recompute. */
  readonly plan?: Pick<StoragePolicy, "attention" | "reuse" | "recomputes">;
}

/** The keys of what a reference saves, and how it does. */
export class ReferenceTape {
  readonly savedNames: string[] = [];
  readonly plan: Required<ReferenceStorage>["plan"];
  readonly #store: ReferenceStore;

  constructor(readonly rows: number, { store, plan }: ReferenceStorage) {
    this.#store = store ?? ((_key, tensor) => tensor);
    this.plan = plan ?? { attention: "fused", reuse: true, recomputes: () => false };
  }

  /** Saves a tensor of so many rows, by default one a token, and returns what backward reads of it. */
  save(key: string, saved: SavedTensor, tensor: Float64Array, rows = this.rows): Float64Array {
    this.savedNames.push(key);
    return this.#store(key, tensor, rows, tensor.length / rows, saved);
  }
}

/**
 * Storage for a reference that gives back what a device stored under a policy; `complaints` tells, after the reference has run, what is
 * wrong with it. What was stored was computed to `within` of the largest. Both must save the same tensors, in the policy's bits, near the exact values and not all of them at these.
 */
export function storageOfDevice(
  document: PolicyDocument,
  stored: ReadonlyMap<string, StoredTensor>,
  within = limit,
): { storage: ReferenceStorage; complaints: () => string[] } {
  const unread = new Set(stored.keys());
  const found: string[] = [];
  let dropped = stored.size === 0;
  const store: ReferenceStore = (key, exact, _rows, _cols, saved) => {
    const { bits, rounding } = storageOf(document, saved);
    if (bits === 32) return exact;
    const tensor = stored.get(key);
    if (tensor?.bits !== bits || tensor.values.length !== exact.length) {
      found.push(`${key} is not kept in ${bits} bits, ${exact.length} elements of them`);
      return exact;
    }
    unread.delete(key);
    const steps = bits < 16 && rounding === "stochastic" ? 1 : 1 / 2;
    const { strange, different } = compare(tensor, exact, steps, within);
    dropped ||= different;
    if (strange !== undefined) {
      found.push(
        `${key} is kept as ${tensor.values[strange]} at element ${strange}, too far from ${exact[strange]}`,
      );
    }
    return tensor.values;
  };
  const complaints = () => [
    ...found,
    ...[...unread].map((key) => `${key} is kept, and yet unknown to the reference`),
    ...(dropped ? [] : ["All that is kept is exact: nothing was stored in fewer bits"]),
  ];
  return { storage: { store, plan: createPolicy(document) }, complaints };
}

/**
 * The first element, if any, that lies farther from its exact value than so many steps; values outside the range are stored as its ends.
 * Codes are computed in f32, by at most five roundings of a level below 256 (2^-13 of a step), from numbers that are themselves computed in f32
 * or in what is allowed for (`within`, a share of the largest). Tells too whether the tensor differs from the exact one by more than f32 arithmetic does.
 */
function compare(
  { values, step, extremes }: StoredTensor,
  exact: Float64Array,
  steps: number,
  within: number,
): { strange?: number; different: boolean } {
  const known = Array.from(exact.keys()).filter((i) => !Number.isNaN(exact[i]));
  const largest = known.reduce((largest, i) => Math.max(largest, Math.abs(exact[i])), 0);
  const strange = known.find((i) => {
    const [least, most] = extremes(i);
    const expected = Math.max(least, Math.min(most, exact[i]));
    return !(Math.abs(values[i] - expected) <= steps * step(i) * (1 + 2 ** -13) + within * largest);
  });
  return { strange, different: known.some((i) => Math.abs(values[i] - exact[i]) > 2 * limit * largest) };
}
