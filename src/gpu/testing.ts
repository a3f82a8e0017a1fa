import type { Gpu } from "./device.ts";

/** Wraps `createBuffer` and `destroy` to count bytes behind the ledger's back. */
export function countBuffers(gpu: Gpu): { live(): number; peak(): number; stop(): void } {
  let live = 0;
  let peak = 0;
  const { device } = gpu;
  const create = device.createBuffer;
  device.createBuffer = (descriptor) => {
    const buffer = create.call(device, descriptor);
    const destroy = buffer.destroy;
    live += buffer.size;
    peak = Math.max(peak, live);
    buffer.destroy = () => {
      live -= buffer.size;
      destroy.call(buffer);
    };
    return buffer;
  };
  return { live: () => live, peak: () => peak, stop: () => void (device.createBuffer = create) };
}
