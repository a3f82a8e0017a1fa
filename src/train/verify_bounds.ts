import type { Arithmetic } from "../gpu/arithmetic.ts";
import type { GoldenCase } from "../models/golden_case.ts";
import { limit } from "../models/shared/reference_storage.ts";

/** How far a device may be from a reference in float64. */
export interface Bounds {
  /** Of a gradient, and of a stored tensor's values as a share of its largest: ‖g − r‖ / ‖r‖. */
  readonly gradient: number;
  /** Of a loss, in nats. */
  readonly loss: number;
}

/** The unit roundoff of halves. */
const half = 2 ** -11;

/** What is promised of a gradient in f16, however long the chain. */
const promised = 3e-3;

/**
 * What an arithmetic must reach in a case. Products in f16 round both their operands by a share of at most 2^-11 each, of any sign, so that
 * errors along a chain of products grow like its square root: 6 products a block, two of them attention's, and the head's forward, as many
 * back. A loss is a mean over targets, each off by a share of its own that forward's chain tells.
 */
export function boundsOf(
  arithmetic: Arithmetic,
  { config: { layers }, batches: [batch], losses }: Pick<GoldenCase, "config" | "batches" | "losses">,
): Bounds {
  if (arithmetic !== "f16") return { gradient: limit, loss: limit };
  const forward = 6 * layers + 1;
  const targets = "targets" in batch ? batch.targets.length : batch.labels.length;
  return {
    gradient: Math.min(promised, half * Math.sqrt(2 * 2 * forward)),
    loss: half * Math.sqrt(2 * forward) * losses[0] / Math.sqrt(targets),
  };
}
