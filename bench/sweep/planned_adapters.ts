import type { Runtime } from "../../src/adapter/runtime.ts";
import { type BuilderOptions, gpuWith, softwareWith } from "../../src/gpu/builder.ts";
import { typicalDawnLimits, typicalGpuLimits, typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { refuseUnused } from "../options/unused.ts";

/** Subgroup matrices are Dawn's alone. */
const native = { ...gpuWith(typicalGpuLimits), matrices: undefined };

/** What a step may be planned for where no adapter is asked, and what a page calls it. */
export const plannedAdapters = {
  gpu: { title: "a current discrete GPU", builder: native },
  dawn: { title: "a current discrete GPU under Dawn", builder: gpuWith(typicalDawnLimits) },
  software: { title: "a software adapter (llvmpipe)", builder: softwareWith(typicalSoftwareLimits) },
} as const satisfies Record<string, { title: string; builder: BuilderOptions }>;

export const plannedAdapterNames = Object.keys(plannedAdapters) as (keyof typeof plannedAdapters)[];

/**
 * What is planned for where no adapter is asked: the adapters that are named, else a current discrete GPU under that runtime, natively where
 * none is told. Throws a UserError where both are told.
 */
export function plannedFor({ adapter, runtime }: {
  readonly adapter?: keyof typeof plannedAdapters;
  readonly runtime?: Runtime;
}): { title: string; builder: BuilderOptions } {
  if (adapter) refuseUnused("--adapter, which tells the runtime, too", { runtime }, []);
  return plannedAdapters[adapter ?? (runtime === "dawn" ? "dawn" : "gpu")];
}
