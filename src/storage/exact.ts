import { plain } from "../gpu/operand.ts";
import type { StoragePolicy } from "./policy.ts";

/** Keeps the f32 tensor itself. */
export function exact(): StoragePolicy {
  return {
    name: "exact",
    categoryOfOriginal: "saved",
    store: (_builder, x) => plain(x),
    clipCounters: [],
  };
}
