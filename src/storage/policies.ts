import { oneOf } from "../suggest.ts";
import { exact } from "./exact.ts";
import { half } from "./half.ts";
import { mesa8 } from "./mesa8.ts";
import type { QuantizerOptions, StoragePolicy } from "./policy.ts";

const policies = { exact, half, mesa8 } as const;

/** Every storage policy's name, the reference first. */
export const policyNames = Object.keys(policies) as (keyof typeof policies)[];

/** The policy of that name, with state of its own. Throws a UserError with the nearest name if there is none. */
export function policyNamed(name: string, options: Partial<QuantizerOptions> = {}): StoragePolicy {
  const known = oneOf("policy", name, policyNames);
  return policies[known]({ rounding: "stochastic", ranges: "running", ...options });
}
