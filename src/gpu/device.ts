import { Ledger } from "../memory/ledger.ts";
import { type AdapterReport, chooseAdapter } from "./adapter.ts";
import { DeviceError } from "./errors.ts";
import type { DeviceLimits } from "./limits.ts";

/** An open device with everything that programs need of it. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly ledger: Ledger;
  readonly adapter: AdapterReport;
  /** Whether the device can write timestamps. */
  readonly timestamps: boolean;
  readonly limits: DeviceLimits;
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>;
  /** Throws the first error that the device reported outside any scope. */
  checkHealth(): void;
  destroy(): void;
}

/**
 * Opens the adapter that `chooseAdapter` takes, with all the limits it has and timestamps where it can. Errors that no scope catches are
 * printed at once and thrown by the next `checkHealth`.
 */
export async function openGpu(options: { requireGpu?: boolean } = {}): Promise<Gpu> {
  const { adapter, report } = await chooseAdapter({ requireGpu: options.requireGpu ?? false });
  const timestamps = adapter.features.has("timestamp-query");
  const wanted = [
    "maxBufferSize",
    "maxStorageBufferBindingSize",
    "maxComputeWorkgroupStorageSize",
    "maxComputeInvocationsPerWorkgroup",
    "maxComputeWorkgroupSizeX",
    "maxComputeWorkgroupsPerDimension",
    "maxStorageBuffersPerShaderStage",
  ] as const;
  const device = await adapter.requestDevice({
    requiredFeatures: timestamps ? ["timestamp-query"] : [],
    requiredLimits: Object.fromEntries(wanted.map((name) => [name, adapter.limits[name]])),
  });
  let failure: DeviceError | undefined;
  device.addEventListener("uncapturederror", (event) => {
    const { message } = (event as GPUUncapturedErrorEvent).error;
    failure ??= new DeviceError(message);
    console.error(`WebGPU error: ${message}`);
  });
  let destroyed = false;
  device.lost.then((info) => {
    if (!destroyed) failure ??= new DeviceError(`The device was lost: ${info.message}`);
  });
  return {
    device,
    ledger: new Ledger(),
    adapter: report,
    timestamps,
    limits: device.limits,
    pipelines: new Map(),
    checkHealth() {
      if (failure) throw failure;
    },
    destroy() {
      destroyed = true;
      device.destroy();
    },
  };
}
