import type { Batch } from "../data/batches.ts";
import { Random } from "../data/random.ts";
import { UserError } from "../errors.ts";
import { BufferSet, readBuffer } from "../gpu/buffers.ts";
import type { Gpu } from "../gpu/device.ts";
import { builderOptionsFor, type ProgramDescription } from "../gpu/builder.ts";
import { Program, type TimedDispatch } from "../gpu/program.ts";
import { packStep, stepStore, type StepValues } from "../gpu/step_block.ts";
import { type Store, type Tensor, tensorBytes } from "../gpu/tensor.ts";
import { StepTimer } from "../gpu/timing.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import type { MemoryPlan } from "../memory/plan.ts";
import { ParameterSet } from "../nn/parameters.ts";
import type { StoragePolicy } from "../storage/policy.ts";
import {
  describeEvaluation,
  describeGeneration,
  describeGradients,
  describeTraining,
  normRing,
} from "./describe.ts";
import { checkTokens, type Gpt2Task } from "./gpt2_task.ts";
import { learningRateAt, policyOf, trainDefaults, type TrainOptions } from "./options.ts";
import { packRows, unpackRows } from "./rows.ts";
import { sampleToken } from "./sample.ts";
import { type PackedBatch, ringLength, type Task } from "./task.ts";
import { taskOf } from "./task_of.ts";

export type { TrainOptions } from "./options.ts";

/** Dense weights by name as kernels hold them, shapes already checked (`gpt2WeightsFrom` and `vitWeightsFrom` in src/io). */
export type Weights = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** What a model does on held-out data. */
export interface Evaluation {
  /** Mean over valid targets, in nats. */
  readonly loss: number;
  /** Share of images whose label has the largest logit; null for texts. */
  readonly top1: number | null;
}

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
    private readonly task: Task,
    private readonly policy: StoragePolicy,
  ) {
    this.#stores = new BufferSet(gpu);
  }

  /**
   * Plans, allocates and compiles a training step, and sets the weights: those given, or the model's initial ones. Throws
   * OutOfMemoryError with the bytes wanted, and a UserError if model and sequence contradict each other.
   */
  static async create(gpu: Gpu, options: TrainOptions, weights?: Weights): Promise<TrainingSession> {
    const task = taskOf(options);
    const parameters = new ParameterSet(task.parameters, gpu.limits);
    const session = new TrainingSession(gpu, options, parameters, task, policyOf(options));
    const description = describeTraining(options, task, parameters, session.policy, session.#builderOptions);
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
    for (const parameter of this.parameterSet.all) {
      const values = weights?.get(parameter.name) ?? this.task.initialValues(parameter);
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
    const { learningRate, betas, schedule } = { ...trainDefaults, ...this.options };
    const packed = this.task.pack(batch); // a batch that is refused is no step
    const step = ++this.#steps;
    this.#writeBatch(packed, {
      ...this.#rounding(step),
      learningRate: learningRateAt(step, learningRate, schedule),
      correction1: 1 - betas[0] ** step,
      inverseRootCorrection2: 1 / Math.sqrt(1 - betas[1] ** step),
    });
  }

  /** Random bits of a step, and where its results go. */
  #rounding(step: number): Pick<StepValues, "seed" | "slot"> {
    return {
      seed: Random.for(this.options.seed, `rounding ${step}`).uint32(),
      slot: (step - 1) % ringLength,
    };
  }

  #writeBatch({ contents, valid }: PackedBatch, values: Partial<StepValues>): void {
    for (const [tensor, data] of contents) this.#write(tensor, data);
    this.#writeStep({ ...values, inverseValid: valid > 0 ? 1 / valid : 0 });
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
    const ring = new Float32Array(await this.#readTensor(this.task.lossRing));
    const losses = Array.from(
      { length: this.#steps - this.#read },
      (_, i) => ring[(this.#read + i) % ringLength],
    );
    this.#read = this.#steps;
    return losses;
  }

  /** Norms of all gradients before clipping, of at most the last 1024 steps, the latest last. */
  async gradientNorms(): Promise<number[]> {
    const ring = new Float32Array(await this.#readTensor(normRing));
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

  /** Trains `repeats` steps on one batch, the same random bits in each, and times each of their dispatches. */
  profile(batch: Batch, repeats = 1): Promise<TimedDispatch[]> {
    this.#queueStep(batch);
    return this.#train.profile(repeats);
  }

  /**
   * Evaluates the mean over batches, which must have the training batch's size. Changes neither weights nor range estimates.
   */
  async evaluate(batches: readonly Batch[]): Promise<Evaluation> {
    this.#requireRead();
    const { lossRing, hitRing } = this.task;
    const description = describeEvaluation(this.task, this.parameterSet, this.#builderOptions);
    const program = await this.#program(description, this.#train);
    try {
      let [loss, hits, count] = [0, 0, 0];
      for (let first = 0; first < batches.length; first += ringLength) {
        const group = batches.slice(first, first + ringLength);
        const valid = group.map((batch, slot) => {
          const packed = this.task.pack(batch);
          this.#writeBatch(packed, { slot });
          program.run();
          return packed.valid;
        });
        const losses = new Float32Array(await this.#readTensor(lossRing));
        const shares = hitRing && new Float32Array(await this.#readTensor(hitRing));
        valid.forEach((weight, slot) => {
          loss += losses[slot] * weight;
          hits += (shares?.[slot] ?? 0) * weight;
          count += weight;
        });
      }
      const mean = (sum: number) => sum / Math.max(1, count);
      return { loss: mean(loss), top1: hitRing ? mean(hits) : null };
    } finally {
      program.destroy();
    }
  }

  #requireRead(): void {
    if (this.#read < this.#steps) throw new Error("Read the losses of queued steps first");
  }

  /**
   * A program that computes gradients under another storage policy at this session's weights, for `gradientsUnder`. Destroy it before the
   * session.
   */
  gradientProgram(policy: StoragePolicy): Promise<Program> {
    return this.#program(
      describeGradients(this.task, this.parameterSet, policy, this.#builderOptions),
      this.#train,
    );
  }

  /** The gradients of a batch by such a program, with the random bits of the next step. Changes no weight. */
  gradientsUnder(program: Program, batch: Batch): Promise<Map<string, NamedTensor>> {
    this.#requireRead();
    this.#writeBatch(this.task.pack(batch), this.#rounding(this.#steps + 1));
    program.run();
    return this.gradients();
  }

  /**
   * Continues `prompt` by `count` tokens, drawn from softmax(logits / temperature); temperature 0 takes the likeliest. Attends to at most
   * the training sequence's length. Throws a UserError that names an id outside the vocabulary, or for a model that reads no
   * tokens.
   */
  async generate(
    prompt: readonly number[],
    count: number,
    { temperature, seed }: { temperature: number; seed: number },
  ): Promise<number[]> {
    const { model, sequence: longest } = this.options;
    if (model.modelType !== "gpt2") {
      throw new UserError(`Model "${model.name}" writes no text; leave out the sample`);
    }
    checkTokens(prompt, model.vocab);
    const sequence = Math.min(longest, prompt.length + count);
    const task = this.task as Gpt2Task;
    const { description, logits } = describeGeneration(
      model,
      task,
      this.parameterSet,
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
        this.#write(task.tensors.tokens, inputs);
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

  /** The weights, under the names and in the shapes of `transformers` or `timm`. */
  parameters(): Promise<Map<string, NamedTensor>> {
    return this.#named((parameter) => parameter.value);
  }

  /** The gradients of the last step, before clipping, under the names of the weights. */
  gradients(): Promise<Map<string, NamedTensor>> {
    return this.#named((parameter) => parameter.gradient);
  }

  /** Reads whole arenas: a read waits for the queue, whatever its size. */
  async #named(pick: (parameter: ParameterSet["all"][number]) => Tensor): Promise<Map<string, NamedTensor>> {
    const arenas = new Map<Store, ArrayBuffer>();
    const named = new Map<string, NamedTensor>();
    for (const parameter of this.parameterSet.all) {
      const tensor = pick(parameter);
      const { store, offset } = tensor.home!;
      if (!arenas.has(store)) {
        arenas.set(store, await readBuffer(this.gpu, this.#stores.get(store), 0, store.bytes));
      }
      const values = new Float32Array(arenas.get(store)!, offset, tensorBytes(tensor) / 4);
      // A copy: the arena is not to live as long as one tensor of it.
      const data = this.task.inFile(parameter, unpackRows(values, tensor).slice());
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
