import { lossDifferences } from "../report/losses.ts";
import type { Sweep } from "./reports.ts";

/** Policies under which training ended worse than under `exact`, or not at all: no way to train that would be better than another. */
export const harmfulOf = (quality?: Sweep): string[] => [
  ...new Set(
    lossDifferences(quality?.comparisons ?? [])
      .filter(({ parity: { verdict } }) => verdict === "worse" || verdict === "diverged")
      .map(({ policy }) => policy),
  ),
];
