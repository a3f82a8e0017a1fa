import { BufferSet, readBuffer, requestsFor } from "../gpu/buffers.ts";
import type { ProgramDescription } from "../gpu/builder.ts";
import type { Gpu } from "../gpu/device.ts";
import { Program } from "../gpu/program.ts";
import { packStep, stepStore, type StepValues } from "../gpu/step_block.ts";
import { type Store, type Tensor, tensorBytes } from "../gpu/tensor.ts";
import { decode, encode } from "./halves.ts";
import type { PackedBatch } from "./task.ts";

/** The step block where nothing is said. */
const noStep: StepValues = {
  seed: 0,
  slot: 0,
  inverseValid: 0,
  learningRate: 0,
  correction1: 1,
  inverseRootCorrection2: 1,
  row: 0,
  microBatch: 0,
};

/** Bytes of writes that the host may hold. */
const mostUnsettled = 2 ** 27;

/** The stores that the programs of a session share, made as programs name them. */
export class SessionMemory {
  readonly #stores: BufferSet<Store>;
  /** What was run and is not submitted yet, because ranks exchange in it. */
  #exchanging?: Promise<void>;
  /** Bytes written since writes were settled. */
  #unsettled = 0;

  constructor(readonly gpu: Gpu) {
    this.#stores = new BufferSet(gpu);
  }

  /** Makes a program, and those of its stores that do not exist yet, or none. Throws OutOfMemoryError with the bytes wanted. */
  async program(description: ProgramDescription, lender?: Program): Promise<Program> {
    const stores = new Set([...description.stores, stepStore]);
    const missing = [...stores].filter((store) => !this.#stores.has(store));
    await this.#stores.allocate(requestsFor(missing));
    try {
      return await Program.create(this.gpu, description, this.#stores, lender);
    } catch (error) {
      this.#stores.destroy(missing);
      throw error;
    }
  }

  /** Writes a tensor's bytes, padding included. */
  write(tensor: Tensor, data: ArrayBufferView<ArrayBuffer>): void {
    const { store, offset } = tensor.home!;
    this.#writeStore(store, offset, data);
  }

  /** Writes a tensor's numbers, padding included, rounded to its dtype. */
  writeNumbers(tensor: Tensor, values: Float32Array<ArrayBuffer>): void {
    this.write(tensor, encode(values, tensor.dtype));
  }

  /** Writes a batch, and what the next run is told of its step, which has so many valid targets: the batch's, unless it is one of several. */
  writeBatch({ contents, ...own }: PackedBatch, values: Partial<StepValues>, valid = own.valid): void {
    for (const [tensor, data] of contents) this.write(tensor, data);
    this.writeStep({ ...values, inverseValid: valid > 0 ? 1 / valid : 0 });
  }

  /** Writes what the next run is told of its step. */
  writeStep(values: Partial<StepValues>): void {
    this.#writeStore(stepStore, 0, packStep({ ...noStep, ...values }));
  }

  /** Waits, once many bytes were written, until the device has them: as long as nothing is submitted, the host holds a copy of every write. */
  async settleWrites(most = mostUnsettled): Promise<void> {
    if (this.#unsettled < most) return;
    this.gpu.device.queue.submit([]);
    await this.gpu.device.queue.onSubmittedWorkDone();
    this.#unsettled = 0;
  }

  #writeStore(store: Store, offset: number, data: ArrayBufferView<ArrayBuffer>): void {
    const { buffer, byteOffset, byteLength } = data;
    this.#unsettled += byteLength;
    this.gpu.device.queue.writeBuffer(this.#stores.get(store), offset, buffer, byteOffset, byteLength);
  }

  /** Runs a program behind those run before it, once `write` has written what it reads. Waits for nothing. */
  run(program: Program, write = () => {}, ...how: Parameters<Program["run"]>): void {
    this.behind(() => {
      write();
      return program.run(...how);
    });
  }

  /** Does `work` when all that was run before is submitted: at once, unless ranks exchange in it. */
  behind(work: () => Promise<void> | void): void {
    this.#exchanging = this.#exchanging ? this.#exchanging.then(work) : work() ?? undefined;
    this.#exchanging?.catch(() => {}); // `submitted` tells
  }

  /** Waits until all that was run is submitted, which takes time only where ranks exchange. Throws what stopped it. */
  async submitted(): Promise<void> {
    const before = this.#exchanging;
    await before;
    if (this.#exchanging === before) this.#exchanging = undefined;
  }

  /** A tensor's bytes, padding included. Waits for the queue. */
  async read(tensor: Tensor): Promise<ArrayBuffer> {
    await this.submitted();
    const { store, offset } = tensor.home!;
    return await readBuffer(this.gpu, this.#stores.get(store), offset, tensorBytes(tensor));
  }

  /** The values of a tensor in f32, bf16 or f16, padding included. Waits for the queue. */
  async readValues(tensor: Tensor): Promise<Float32Array<ArrayBuffer>> {
    return decode(await this.read(tensor), tensor.dtype);
  }

  /** The numbers of a tensor in f32 to which each rank has added its part. Waits for the queue. */
  async sums(tensor: Tensor): Promise<Float32Array> {
    const own = new Float32Array(await this.read(tensor));
    const sums = new Float32Array(own.length);
    this.gpu.ranks.sum(own, sums);
    return sums;
  }

  /** The values of tensors in f32, bf16 or f16, padding included, whole stores at a time: a read waits for the queue, whatever its size. */
  async readTogether(tensors: readonly Tensor[]): Promise<Float32Array<ArrayBuffer>[]> {
    await this.submitted();
    const contents = new Map<Store, ArrayBuffer>();
    for (const { home } of tensors) {
      const { store } = home!;
      if (contents.has(store)) continue;
      contents.set(store, await readBuffer(this.gpu, this.#stores.get(store), 0, store.bytes));
    }
    return tensors.map((tensor) => {
      const { store, offset } = tensor.home!;
      return decode(contents.get(store)!.slice(offset, offset + tensorBytes(tensor)), tensor.dtype);
    });
  }

  /** Frees some stores, or all. */
  destroy(stores?: Iterable<Store>): void {
    this.#stores.destroy(stores);
  }
}
