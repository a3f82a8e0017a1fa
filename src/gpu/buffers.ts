import type { Gpu } from "./device.ts";
import { inErrorScopes, OutOfMemoryError } from "./errors.ts";
import type { Store } from "./tensor.ts";

/** A buffer to make. `key` finds it again. */
export interface BufferRequest<Key> {
  readonly key: Key;
  readonly name: string;
  readonly bytes: number;
  /** GPUBufferUsage flags; by default storage that can be copied from and to. */
  readonly usage?: number;
}

/** What to make for stores, each of which is its own key. */
export function requestsFor(stores: readonly Store[]): BufferRequest<Store>[] {
  return stores.map((store) => ({
    key: store,
    name: store.name,
    bytes: store.bytes,
  }));
}

/** Buffers by key, each booked in the ledger. Nothing else calls `createBuffer`. */
export class BufferSet<Key> {
  readonly #buffers = new Map<Key, GPUBuffer>();

  constructor(readonly gpu: Gpu) {}

  /** Makes buffers, all or none. Throws OutOfMemoryError with the bytes wanted by the whole group. */
  async allocate(requests: readonly BufferRequest<Key>[]): Promise<void> {
    const wanted = requests.reduce((sum, r) => sum + r.bytes, 0);
    const tooLarge = requests.find((r) => r.bytes > this.gpu.limits.maxBufferSize);
    if (tooLarge) {
      const limit = this.gpu.limits.maxBufferSize;
      throw new OutOfMemoryError(
        `Buffer "${tooLarge.name}" wants ${tooLarge.bytes} bytes; this adapter's largest buffer has ${limit}`,
        wanted,
      );
    }
    const made: { request: BufferRequest<Key>; buffer: GPUBuffer }[] = [];
    try {
      await inErrorScopes(this.gpu.device, wanted, () => {
        for (const request of requests) {
          const {
            name,
            bytes,
            usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
          } = request;
          made.push({ request, buffer: this.gpu.device.createBuffer({ label: name, size: bytes, usage }) });
        }
      });
    } catch (error) {
      for (const { buffer } of made) buffer.destroy();
      throw error;
    }
    for (const { request, buffer } of made) {
      this.#buffers.set(request.key, buffer);
      this.gpu.ledger.open(buffer.size);
    }
  }

  /** The buffer made for `key`; throws if there is none. */
  get(key: Key): GPUBuffer {
    const buffer = this.#buffers.get(key);
    if (!buffer) throw new Error(`No buffer was made for ${JSON.stringify(key)}`);
    return buffer;
  }

  has(key: Key): boolean {
    return this.#buffers.has(key);
  }

  /** Destroys the buffers of some keys, or all of the set; their memory is free at once. */
  destroy(keys: Iterable<Key> = this.#buffers.keys()): void {
    for (const key of keys) {
      const buffer = this.get(key);
      buffer.destroy();
      this.gpu.ledger.close(buffer.size);
      this.#buffers.delete(key);
    }
  }
}

/** Copies `bytes` of a buffer, from `offset`, to the host. Waits until the queue is idle. */
export async function readBuffer(
  gpu: Gpu,
  source: GPUBuffer,
  offset: number,
  bytes: number,
): Promise<ArrayBuffer> {
  const staging = new BufferSet<"staging">(gpu);
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  await staging.allocate([{ key: "staging", name: "readback", bytes, usage }]);
  try {
    const encoder = gpu.device.createCommandEncoder();
    encoder.copyBufferToBuffer(source, offset, staging.get("staging"), 0, bytes);
    gpu.device.queue.submit([encoder.finish()]);
    await staging.get("staging").mapAsync(GPUMapMode.READ);
    gpu.checkHealth();
    return staging.get("staging").getMappedRange().slice(0);
  } finally {
    staging.destroy();
  }
}
