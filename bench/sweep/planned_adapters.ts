import { type BuilderOptions, gpuWith, softwareWith } from "../../src/gpu/builder.ts";
import { typicalDawnLimits, typicalGpuLimits, typicalSoftwareLimits } from "../../src/gpu/limits.ts";

/** What a step may be planned for where no adapter is asked, and what a page calls it. */
export const plannedAdapters = {
  gpu: { title: "a current discrete GPU", builder: gpuWith(typicalGpuLimits) },
  dawn: { title: "a current discrete GPU under Dawn", builder: gpuWith(typicalDawnLimits) },
  software: { title: "a software adapter (llvmpipe)", builder: softwareWith(typicalSoftwareLimits) },
} as const satisfies Record<string, { title: string; builder: BuilderOptions }>;

export const plannedAdapterNames = Object.keys(plannedAdapters) as (keyof typeof plannedAdapters)[];
