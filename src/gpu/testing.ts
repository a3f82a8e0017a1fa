import type { Gpu } from "./device.ts";

/**
 * Wraps `createBuffer` and `destroy` to count bytes behind the ledger's back: of one device, or by `GPUDevice.prototype` of all. Buffers of the
 * label `except` do not count.
 */
export function countBuffers(
  { device }: Pick<Gpu, "device">,
  except?: string,
): { live(): number; peak(): number; stop(): void } {
  let live = 0;
  let peak = 0;
  const create = device.createBuffer;
  device.createBuffer = function (descriptor) {
    const buffer = create.call(this, descriptor);
    if (except !== undefined && descriptor.label === except) return buffer;
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
