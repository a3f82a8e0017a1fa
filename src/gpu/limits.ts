import { OutOfMemoryError } from "./errors.ts";

/** The limits of an adapter that shape a program. All sizes in bytes. */
export interface DeviceLimits {
  readonly maxBufferSize: number;
  readonly maxStorageBufferBindingSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupsPerDimension: number;
}

/** The most bytes that are bound at once, whatever an adapter grants: beyond, a byte's offset is no signed number of 32 bits, as some drivers take it to be. */
const largestBinding = 2 ** 31 - 4;

/** The limits of a device as programs keep to them. */
export function limitsOf(granted: DeviceLimits): DeviceLimits {
  return {
    maxBufferSize: granted.maxBufferSize,
    maxStorageBufferBindingSize: Math.min(granted.maxStorageBufferBindingSize, largestBinding),
    maxStorageBuffersPerShaderStage: granted.maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize: granted.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: granted.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupsPerDimension: granted.maxComputeWorkgroupsPerDimension,
  };
}

/** What `plan` assumes without an adapter: the limits of a current discrete GPU under Vulkan. */
export const typicalGpuLimits: DeviceLimits = {
  maxBufferSize: 2 ** 32 - 2 ** 21,
  maxStorageBufferBindingSize: largestBinding,
  maxStorageBuffersPerShaderStage: 16,
  maxComputeWorkgroupStorageSize: 49152,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupsPerDimension: 65535,
};

/** The same under Dawn, whose buffers may be larger than a binding of them. */
export const typicalDawnLimits: DeviceLimits = { ...typicalGpuLimits, maxBufferSize: 2 ** 40 };

/** The same for a software adapter: llvmpipe's. */
export const typicalSoftwareLimits: DeviceLimits = {
  maxBufferSize: 2 ** 31 - 1,
  maxStorageBufferBindingSize: 2 ** 27,
  maxStorageBuffersPerShaderStage: 32,
  maxComputeWorkgroupStorageSize: 32768,
  maxComputeInvocationsPerWorkgroup: 1024,
  maxComputeWorkgroupsPerDimension: 65535,
};

/** Rows that keep every window's offset a multiple of 256 bytes, whatever the row's size (a multiple of 4 bytes). */
export const windowAlignment = 64;

/** Consecutive rows. */
export interface Window {
  readonly first: number;
  readonly rows: number;
}

/** Runs of `size` rows, the last one shorter where need be. */
export function cutRows(rows: number, size: number): Window[] {
  return Array.from({ length: Math.ceil(rows / size) }, (_, i) => ({
    first: i * size,
    rows: Math.min(size, rows - i * size),
  }));
}

/**
 * Cuts `rows` into the fewest windows whose bindings stay within the binding limit; `bytesPerRow` is the widest row bound. Windows begin
 * at multiples of 64 rows, and of `unit` rows where given (whole sequences). Throws an OutOfMemoryError if one such window is too large.
 */
export function rowWindows(limits: DeviceLimits, rows: number, bytesPerRow: number, unit = 1): Window[] {
  const fits = Math.floor(limits.maxStorageBufferBindingSize / bytesPerRow);
  if (rows <= fits) return [{ first: 0, rows }];
  const step = leastCommonMultiple(unit, windowAlignment);
  const size = Math.floor(fits / step) * step;
  if (size === 0) {
    throw new OutOfMemoryError(
      `${step} rows of ${bytesPerRow} bytes exceed the binding limit of ${limits.maxStorageBufferBindingSize} bytes`,
      step * bytesPerRow,
    );
  }
  return cutRows(rows, size);
}

/** The least number that two positive whole ones divide. */
export function leastCommonMultiple(a: number, b: number): number {
  return a / greatestCommonDivisor(a, b) * b;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
