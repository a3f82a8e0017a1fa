import { Ledger } from "../memory/ledger.ts";
import { type AdapterReport, chooseAdapter } from "../adapter/adapter.ts";
import type { Runtime } from "../adapter/runtime.ts";
import { UserError } from "../errors.ts";
import { alone, type Ranks } from "../ranks/ranks.ts";
import type { MatrixConfig } from "./arithmetic.ts";
import { DeviceError } from "./errors.ts";
import { type DeviceLimits, limitsOf } from "./limits.ts";

/** An open device with everything that programs need of it. */
export interface Gpu {
  readonly device: GPUDevice;
  readonly ledger: Ledger;
  /** The processes that share a step, of which this one has the device. */
  readonly ranks: Ranks;
  readonly adapter: AdapterReport;
  readonly runtime: Runtime;
  /** Whether the device can write timestamps. */
  readonly timestamps: boolean;
  /** Lanes of a subgroup; 0 where shaders have no subgroup operations, or subgroups have no one size. */
  readonly subgroupSize: number;
  /** Whether shaders have numbers of 16 bits; asked for under Dawn alone. */
  readonly f16: boolean;
  /** What subgroups can multiply; empty where they have no matrices. */
  readonly matrixConfigs: readonly MatrixConfig[];
  readonly limits: DeviceLimits;
  /** Bytes that buffers can take together; left out where nobody tells, as WebGPU does not. */
  readonly room?: number;
  readonly pipelines: Map<string, Promise<GPUComputePipeline>>;
  /** Throws the first error that the device reported outside any scope. */
  checkHealth(): void;
  destroy(): void;
}

/**
 * Opens the adapter that `chooseAdapter` takes, with all the limits it has and timestamps where it can. Errors that no scope catches are
 * printed at once and thrown by the next `checkHealth`.
 *
 * @throws {UserError} when no such adapter answers, or the driver opens no further device in this process
 */
export async function openGpu(
  { requireGpu = false }: { requireGpu?: boolean } = {},
  ranks: Ranks = alone,
): Promise<Gpu> {
  const { adapter, report } = await chooseAdapter({ requireGpu });
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
  const requiredLimits = Object.fromEntries(wanted.map((name) => [name, adapter.limits[name]]));
  const base = featuresOf(adapter, report.runtime);
  // Deno does not list subgroups among an adapter's features, but grants them; without, the request fails and is made again.
  const withSubgroups = [...base, "subgroups" as GPUFeatureName];
  const granted = await adapter.requestDevice({ requiredFeatures: withSubgroups, requiredLimits }).catch(() =>
    undefined
  );
  const device = granted ??
    await adapter.requestDevice({ requiredFeatures: base, requiredLimits }).catch(refuse);
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
    ranks,
    adapter: report,
    runtime: report.runtime,
    timestamps,
    subgroupSize: granted ? subgroupSize(adapter) : 0,
    f16: base.includes("shader-f16"),
    matrixConfigs: granted && base.includes(matrices) ? matrixConfigs(adapter) : [],
    limits: limitsOf(device.limits),
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

/** Opens the adapter as `openGpu` does, for the length of `work`. */
export async function withGpu<T>(
  options: Parameters<typeof openGpu>[0],
  work: (gpu: Gpu) => Promise<T>,
): Promise<T> {
  const gpu = await openGpu(options);
  try {
    return await work(gpu);
  } finally {
    gpu.destroy();
  }
}

const matrices = "chromium-experimental-subgroup-matrix" as GPUFeatureName;

/** What to ask of an adapter beside subgroups: what kernels can use, of what it lists. */
function featuresOf(adapter: GPUAdapter, runtime: Runtime): GPUFeatureName[] {
  const used: GPUFeatureName[] = [
    "timestamp-query",
    ...runtime === "dawn" ? ["shader-f16" as const, matrices] : [],
  ];
  return used.filter((feature) => adapter.features.has(feature));
}

/** Tells the likeliest cause of a device that is lost before it is there; any other error stays as it is. */
function refuse(error: Error): never {
  if (!/parent device is lost/i.test(error.message)) throw error;
  throw new UserError(
    "The driver opens no further device in this process: NVIDIA's opens 63, destroyed ones counted; " +
      "open one and share it, or start more processes",
  );
}

function subgroupSize(adapter: GPUAdapter): number {
  const { subgroupMinSize, subgroupMaxSize } = adapter.info as {
    subgroupMinSize?: number;
    subgroupMaxSize?: number;
  };
  return subgroupMinSize !== undefined && subgroupMinSize === subgroupMaxSize ? subgroupMinSize : 0;
}

/** What the subgroups of an adapter can multiply; empty where they have no matrices, as natively. */
export function matrixConfigs(adapter: GPUAdapter): MatrixConfig[] {
  const { subgroupMatrixConfigs = [] } = adapter.info as { subgroupMatrixConfigs?: Iterable<MatrixConfig> };
  // Getters of a prototype: spreading an object would give none.
  return Array.from(
    subgroupMatrixConfigs,
    ({ M, N, K, componentType, resultComponentType }) => ({ M, N, K, componentType, resultComponentType }),
  );
}
