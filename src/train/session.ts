import type { Batch } from "../data/batches.ts";
import { Random } from "../data/random.ts";
import { BufferSet, readBuffer } from "../gpu/buffers.ts";
import type { Gpu } from "../gpu/device.ts";
import { builderOptionsFor, type ProgramDescription } from "../gpu/builder.ts";
import { Program } from "../gpu/program.ts";
import { packStep, stepStore, type StepValues } from "../gpu/step_block.ts";
import { type Store, type Tensor, tensorBytes } from "../gpu/tensor.ts";
import { StepTimer } from "../gpu/timing.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { MemoryPlan } from "../memory/plan.ts";
import { gpt2Parameters } from "../models/gpt2.ts";
import { gpt2InitialValues } from "../models/gpt2_initialize.ts";
import { ParameterSet } from "../nn/parameters.ts";
import { policyNamed } from "../storage/policies.ts";
import type { StoragePolicy } from "../storage/policy.ts";
import {
  type BatchTensors,
  batchTensors,
  checkTokens,
  packBatch,
  type PackedBatch,
  ringLength,
} from "./batch_tensors.ts";
import { describeEvaluation, describeGeneration, describeTraining } from "./describe.ts";
import { learningRateAt, trainDefaults, type TrainOptions } from "./options.ts";
import { packRows, unpackRows } from "./rows.ts";
import { sampleToken } from "./sample.ts";

export type { TrainOptions } from "./options.ts";

/** Dense weights by `transformers` name, shapes already checked (`gpt2WeightsFrom` in src/io/gpt2_checkpoint.ts). */
export type Weights = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** A model in training on one device: its parameters, its programs, and the losses not read yet. */
export class TrainingSession {
  readonly #stores: BufferSet<Store>;
  #train!: Program;
  /** Steps taken, and those whose losses have been read. */
  #steps = 0;
  #read = 0;

  private constructor(
    readonly gpu: Gpu,
    readonly options: TrainOptions,
    readonly parameterSet: ParameterSet,
    private readonly tensors: BatchTensors,
    private readonly policy: StoragePolicy,
  ) {
    this.#stores = new BufferSet(gpu);
  }

  /**
   * Plans, allocates and compiles a training step, and sets the weights: those given, or GPT-2's initial distribution. Throws
   * OutOfMemoryError with the bytes wanted, and a UserError if model and sequence contradict each other.
   */
  static async create(gpu: Gpu, options: TrainOptions, weights?: Weights): Promise<TrainingSession> {
    const { model, sequence, batch, policy, decay = trainDefaults.decay } = options;
    const session = new TrainingSession(
      gpu,
      options,
      new ParameterSet(gpt2Parameters(model, decay), gpu.limits),
      batchTensors(batch * sequence, model.vocab),
      policyNamed(policy, options),
    );
    const description = describeTraining(
      options,
      session.parameterSet,
      session.tensors,
      session.policy,
      session.#builderOptions,
    );
    try {
      session.#train = await session.#program(description);
      session.#setWeights(weights);
    } catch (error) {
      session.#stores.destroy();
      throw error;
    }
    return session;
  }

  get #builderOptions() {
    return builderOptionsFor(this.gpu);
  }

  /** Makes a program, and those of its stores that do not exist yet. */
  async #program(description: ProgramDescription, lender?: Program): Promise<Program> {
    const stores = new Set([...description.stores, stepStore]);
    const missing = [...stores].filter((store) => !this.#stores.has(store));
    await this.#stores.allocate(
      missing.map((store) => ({ key: store, name: store.name, account: store.category, bytes: store.bytes })),
    );
    return await Program.create(this.gpu, description, this.#stores, lender);
  }

  #setWeights(weights?: Weights): void {
    const { model, seed } = this.options;
    for (const parameter of this.parameterSet.all) {
      const values = weights?.get(parameter.name) ?? gpt2InitialValues(parameter, model, seed);
      this.#write(parameter.value, packRows(values, parameter.value));
    }
  }

  #write(tensor: Tensor, data: ArrayBufferView<ArrayBuffer>): void {
    const { store, offset } = tensor.home!;
    this.gpu.device.queue.writeBuffer(
      this.#stores.get(store),
      offset,
      data.buffer,
      data.byteOffset,
      data.byteLength,
    );
  }

  #readTensor(tensor: Tensor): Promise<ArrayBuffer> {
    const { store, offset } = tensor.home!;
    return readBuffer(this.gpu, this.#stores.get(store), offset, tensorBytes(tensor));
  }

  /** Memory of a training step. */
  get plan(): MemoryPlan {
    return this.#train.description.plan;
  }

  get dispatchesPerStep(): number {
    return this.#train.description.dispatches.length;
  }

  /** Labels of the kernels of a step that exist in variants, and how many dispatches use each. */
  get kernelVariants(): Record<string, string> {
    const counts = new Map<string, number>();
    for (const { kernel: { label } } of this.#train.description.dispatches) {
      if (label.includes(" ")) counts.set(label, (counts.get(label) ?? 0) + 1);
    }
    const variants: Record<string, string> = {};
    for (const [label, count] of counts) {
      const [kernel, variant] = label.split(" ");
      variants[kernel] = [variants[kernel], `${variant} ×${count}`].filter(Boolean).join(", ");
    }
    return variants;
  }

  /** Queues one step of training on a batch. Waits for nothing. */
  step(batch: Batch): void {
    this.#queueStep(batch);
    this.#train.run();
  }

  #queueStep(batch: Batch): void {
    if (this.#steps - this.#read >= ringLength) {
      throw new RangeError(`More than ${ringLength} steps are queued; read their losses`);
    }
    const { model, learningRate, betas, schedule } = { ...trainDefaults, ...this.options };
    const packed = packBatch(batch, model.vocab); // a batch that is refused is no step
    const step = ++this.#steps;
    this.#writeBatch(packed, {
      seed: Random.for(this.options.seed, `rounding ${step}`).uint32(),
      slot: (step - 1) % ringLength,
      learningRate: learningRateAt(step, learningRate, schedule),
      correction1: 1 - betas[0] ** step,
      inverseRootCorrection2: 1 / Math.sqrt(1 - betas[1] ** step),
    });
  }

  #writeBatch(packed: PackedBatch, values: Partial<StepValues> & { slot: number }): void {
    const names = ["tokens", "order", "starts", "targets"] as const;
    for (const name of names) this.#write(this.tensors[name], packed[name]);
    this.#writeStep({ ...values, inverseValid: packed.inverseValid });
  }

  #writeStep(values: Partial<StepValues>): void {
    const none = {
      seed: 0,
      slot: 0,
      inverseValid: 0,
      learningRate: 0,
      correction1: 1,
      inverseRootCorrection2: 1,
      row: 0,
    };
    this.gpu.device.queue.writeBuffer(this.#stores.get(stepStore), 0, packStep({ ...none, ...values }));
  }

  /** Mean losses, in nats per valid token, of the steps since the last call. Waits for the queue. */
  async losses(): Promise<number[]> {
    const ring = new Float32Array(await this.#readTensor(this.tensors.lossRing));
    const losses = Array.from(
      { length: this.#steps - this.#read },
      (_, i) => ring[(this.#read + i) % ringLength],
    );
    this.#read = this.#steps;
    return losses;
  }

  /** Norms of all gradients before clipping, of at most the last 1024 steps, the latest last. */
  async gradientNorms(): Promise<number[]> {
    const ring = new Float32Array(await this.#readTensor(this.tensors.normRing));
    const count = Math.min(this.#steps, ringLength);
    return Array.from({ length: count }, (_, i) => ring[(this.#steps - count + i) % ringLength]);
  }

  /**
   * Trains on the batches and times each step, from its begin to the next one's, with no wait in between: by GPU timestamps, else the
   * window's wall-clock time shared equally.
   */
  async timedSteps(
    batches: readonly Batch[],
  ): Promise<{ stepMilliseconds: number[]; clock: "gpu" | "wall" }> {
    await this.gpu.device.queue.onSubmittedWorkDone();
    const timer = await StepTimer.create(this.gpu, batches.length);
    try {
      timer.start();
      batches.forEach((batch, i) => {
        this.#queueStep(batch);
        this.#train.run(timer.writes(i));
      });
      return await timer.finish();
    } finally {
      timer.destroy();
    }
  }

  /** Trains one step on a batch and times each of its dispatches. */
  profile(batch: Batch): Promise<{ label: string; milliseconds: number; flops: number }[]> {
    this.#queueStep(batch);
    return this.#train.profile();
  }

  /** Mean loss over the batches, which must have the training batch's size. Changes neither weights nor range estimates. */
  async evaluate(batches: readonly Batch[]): Promise<number> {
    const pending = await this.losses();
    if (pending.length > 0) throw new Error("Read the losses of queued steps before evaluating");
    const description = describeEvaluation(
      this.options,
      this.parameterSet,
      this.tensors,
      this.#builderOptions,
    );
    const program = await this.#program(description, this.#train);
    try {
      let total = 0;
      let valid = 0;
      for (let first = 0; first < batches.length; first += ringLength) {
        const group = batches.slice(first, first + ringLength);
        group.forEach((batch, slot) => {
          this.#writeBatch(packBatch(batch, this.options.model.vocab), { slot });
          program.run();
        });
        const ring = new Float32Array(await this.#readTensor(this.tensors.lossRing));
        group.forEach(({ targets }, slot) => {
          const count = targets.reduce((sum, target) => sum + Number(target >= 0), 0);
          total += ring[slot] * count;
          valid += count;
        });
      }
      return total / Math.max(1, valid);
    } finally {
      program.destroy();
    }
  }

  /**
   * Continues `prompt` by `count` tokens, drawn from softmax(logits / temperature); temperature 0 takes the likeliest. Attends to at most
   * the training sequence's length. Throws a UserError that names an id outside the vocabulary.
   */
  async generate(
    prompt: readonly number[],
    count: number,
    { temperature, seed }: { temperature: number; seed: number },
  ): Promise<number[]> {
    const { model, sequence: longest } = this.options;
    checkTokens(prompt, model.vocab);
    const sequence = Math.min(longest, prompt.length + count);
    const { description, logits } = describeGeneration(
      this.options,
      this.parameterSet,
      this.tensors,
      sequence,
      this.#builderOptions,
    );
    const random = Random.for(seed, "generate");
    const tokens = prompt.length > 0 ? [...prompt] : [0];
    const program = await this.#program(description, this.#train);
    try {
      for (let i = 0; i < count; i++) {
        const context = tokens.slice(-sequence);
        const inputs = new Uint32Array(sequence);
        inputs.set(context);
        this.#write(this.tensors.tokens, inputs);
        this.#writeStep({ row: context.length - 1 });
        program.run();
        const values = new Float32Array(await program.read(logits)).subarray(0, model.vocab);
        tokens.push(sampleToken(values, temperature, random));
      }
      return tokens.slice(-count);
    } finally {
      program.destroy();
    }
  }

  /** The weights, under the names and in the shapes of `transformers`. */
  parameters(): Promise<Map<string, NamedTensor>> {
    return this.#named((parameter) => parameter.value);
  }

  /** The gradients of the last step, before clipping, under the names of the weights. */
  gradients(): Promise<Map<string, NamedTensor>> {
    return this.#named((parameter) => parameter.gradient);
  }

  async #named(pick: (parameter: ParameterSet["all"][number]) => Tensor): Promise<Map<string, NamedTensor>> {
    const named = new Map<string, NamedTensor>();
    for (const parameter of this.parameterSet.all) {
      const tensor = pick(parameter);
      const data = unpackRows(new Float32Array(await this.#readTensor(tensor)), tensor);
      named.set(parameter.name, { dtype: "F32", shape: [...parameter.shape], data });
    }
    return named;
  }

  /** Share of the quantized elements of the last step that lay outside their range; 0 where nothing is quantized. */
  async clippedShare(): Promise<number> {
    let clipped = 0;
    let elements = 0;
    for (const counter of this.policy.clipCounters) {
      const words = new Uint32Array(await this.#readTensor(counter.estimates));
      clipped += words[(counter.estimates.rows - 1) * counter.estimates.stride];
      elements += counter.elements;
    }
    return elements > 0 ? clipped / elements : 0;
  }

  /** Frees the device memory of the session. */
  destroy(): void {
    this.#train.destroy();
    this.#stores.destroy();
  }
}
