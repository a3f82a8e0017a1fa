import type { Batch } from "../data/batches.ts";
import { Random } from "../data/random.ts";
import type { Gpu } from "../gpu/device.ts";
import { type BuilderOptions, builderOptionsFor, type Variants } from "../gpu/builder.ts";
import type { ExchangeTimes } from "../gpu/exchange.ts";
import { runsOf } from "../gpu/kernel.ts";
import { OperandScales } from "../gpu/operand_scales.ts";
import type { Program, TimedDispatch } from "../gpu/program.ts";
import { refuseBeyondRoom } from "../gpu/room.ts";
import type { StepValues } from "../gpu/step_block.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { StepTimer, type TimestampWrites, writesOfRun } from "../gpu/timing.ts";
import type { NamedTensor, UnreadTensor } from "../io/safetensors.ts";
import type { MemoryPlan } from "../memory/plan.ts";
import type { WeightSource } from "../models/checkpoint.ts";
import { inCheckpoints, toCheckpoint } from "../models/shared/checkpoint_parameters.ts";
import { ParameterSet } from "../nn/parameters.ts";
import type { StoragePolicy } from "../storage/policy.ts";
import { describeGradients, describeTraining, normRing } from "./describe.ts";
import { evaluate, type Evaluation } from "./evaluate.ts";
import { generate, type Sampling } from "./generate.ts";
import type { InTraining } from "./in_training.ts";
import { setWeights } from "./initial_weights.ts";
import { KeptGradients } from "./kept_gradients.ts";
import { kernelVariants } from "./kernel_variants.ts";
import { clippedShare, overflowShare } from "./out_of_range.ts";
import { learningRateAt, policyOf, trainDefaults, type TrainOptions } from "./options.ts";
import { unpackRows } from "./rows.ts";
import { SessionMemory } from "./session_memory.ts";
import { type PackedBatch, ringLength, type Task } from "./task.ts";
import { stepDefaults } from "./step_choices.ts";
import { taskOf } from "./task_of.ts";

/** What a step trains on: a batch, or as many micro-batches as the session's options say. */
export type StepBatches = Batch | readonly Batch[];

/** Times of steps, one after the other. */
export interface StepTimes {
  readonly stepMilliseconds: number[];
  readonly clock: "gpu" | "wall";
  readonly exchanges?: ExchangeTimes[];
}

/** What a step tells the GPU, whichever of its micro-batches runs. */
type Told = { readonly step: number } & Partial<Omit<StepValues, "seed" | "slot" | "microBatch">>;

/** A model in training on one device: its parameters, its programs, and the losses not read yet. */
export class TrainingSession {
  readonly #memory: SessionMemory;
  readonly #scales = new OperandScales();
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
    this.#memory = new SessionMemory(gpu);
  }

  /**
   * Plans, allocates and compiles a training step, and sets the weights: those given, or the model's initial ones. Throws
   * OutOfMemoryError with the bytes wanted, before it allocates any where the plan tells that they are too many, and a UserError if model
   * and sequence contradict each other. Where ranks share the steps, each makes such a session and calls the same methods in the same order.
   */
  static async create(gpu: Gpu, given: TrainOptions, weights?: WeightSource): Promise<TrainingSession> {
    const { rank, size } = gpu.ranks;
    const { ranks = stepDefaults.ranks } = given;
    if (ranks !== size) throw new Error(`A step of ${ranks} ranks is taken by ${size}`);
    const options = { ...given, rank };
    const task = taskOf(options);
    const parameters = new ParameterSet(task.parameters, gpu.limits, options);
    const session = new TrainingSession(gpu, options, parameters, task, policyOf(options));
    const description = describeTraining(options, task, parameters, session.policy, session.#builderOptions);
    refuseBeyondRoom(description.plan, gpu);
    try {
      session.#train = await session.#memory.program(description);
      await setWeights(session.#inTraining, weights);
    } catch (error) {
      session.destroy();
      throw error;
    }
    return session;
  }

  get #builderOptions(): BuilderOptions {
    const { variants, arithmetic } = this.options;
    return { ...builderOptionsFor(this.gpu), variants, arithmetic, scales: this.#scales };
  }

  get #inTraining(): InTraining {
    const { options, task, parameterSet } = this;
    const [builderOptions, memory, step] = [this.#builderOptions, this.#memory, this.#train];
    return { options, task, parameterSet, builderOptions, memory, step };
  }

  /** Rules of the policy that hold for nothing which a step keeps. */
  get idleRules(): readonly number[] {
    return this.policy.idleRules;
  }

  /** Memory of a training step. */
  get plan(): MemoryPlan {
    return this.#train.description.plan;
  }

  /** Micro-batches of a step. */
  get #microBatches(): number {
    return this.options.accumulate ?? stepDefaults.accumulate;
  }

  /** Of all micro-batches together. */
  get dispatchesPerStep(): number {
    const { dispatches } = this.#train.description;
    return dispatches.reduce((sum, dispatch) => sum + runsOf(dispatch, this.#microBatches), 0);
  }

  /** The variants that the kernels of a step took, by what was asked for. */
  get variants(): Variants {
    return this.#train.description.variants;
  }

  /** Labels of the kernels of a step that exist in variants, and how many dispatches use each. */
  get kernelVariants(): Record<string, string> {
    return kernelVariants(this.#train.description);
  }

  /** Queues one step of training. Waits for nothing. */
  step(batches: StepBatches): void {
    this.#runStep(batches);
  }

  #runStep(batches: StepBatches, timestamps?: Required<TimestampWrites>): void {
    const packed = this.#packed(batches); // a batch that is refused is no step
    this.#runEach(this.#train, packed, this.#nextStep(), timestamps);
  }

  /** Counts one more step, and returns what it is told. */
  #nextStep(): Told {
    if (this.#steps - this.#read >= ringLength) {
      throw new RangeError(`More than ${ringLength} steps are queued; read their losses`);
    }
    const { learningRate, betas, schedule } = { ...trainDefaults, ...this.options };
    const step = ++this.#steps;
    return {
      step,
      learningRate: learningRateAt(step, learningRate, schedule),
      correction1: 1 - betas[0] ** step,
      inverseRootCorrection2: 1 / Math.sqrt(1 - betas[1] ** step),
    };
  }

  #packed(batches: StepBatches): PackedBatch[] {
    const given: readonly Batch[] = Array.isArray(batches) ? batches : [batches];
    const count = this.#microBatches;
    if (given.length === count) return given.map((batch) => this.task.pack(batch));
    throw new RangeError(`A step has ${count} micro-batches, not ${given.length}`);
  }

  /** Writes each of a step's micro-batches and runs a program on it; the timestamps are the step's. */
  #runEach(
    program: Program,
    batches: readonly PackedBatch[],
    { step, ...values }: Told,
    timestamps?: Required<TimestampWrites>,
  ): void {
    const valid = batches.reduce((sum, batch) => sum + batch.valid, 0);
    batches.forEach((batch, microBatch) => {
      const [first, last] = [microBatch === 0, microBatch === batches.length - 1];
      const told = { ...this.#rounding(step, microBatch), microBatch, ...values };
      const write = () => this.#memory.writeBatch(batch, told, valid);
      this.#memory.run(program, write, timestamps && writesOfRun(timestamps, first, last), { first, last });
    });
  }

  /** Random bits of a step's micro-batch, the same on all ranks, so that their weights stay the same; and where the step's results go. */
  #rounding(step: number, microBatch = 0): Pick<StepValues, "seed" | "slot"> {
    const stream = microBatch === 0 ? `rounding ${step}` : `rounding ${step}, micro-batch ${microBatch}`;
    return { seed: Random.for(this.options.seed, stream).uint32(), slot: (step - 1) % ringLength };
  }

  /** Mean losses, in nats per valid token, of the steps since the last call. Waits for the queue. */
  async losses(): Promise<number[]> {
    const ring = await this.#memory.sums(this.task.lossRing);
    const losses = Array.from(
      { length: this.#steps - this.#read },
      (_, i) => ring[(this.#read + i) % ringLength],
    );
    this.#read = this.#steps;
    return losses;
  }

  /** Norms of all gradients before clipping, of at most the last 1024 steps, the latest last. */
  async gradientNorms(): Promise<number[]> {
    const ring = new Float32Array(await this.#memory.read(normRing));
    const count = Math.min(this.#steps, ringLength);
    return Array.from({ length: count }, (_, i) => ring[(this.#steps - count + i) % ringLength]);
  }

  /**
   * Trains steps and times each, from its begin to the next one's, with no wait in between: by GPU timestamps,
   * else the window's wall-clock time shared equally. Where ranks share them, tells what this one's exchanges took in each.
   */
  async timedSteps(steps: readonly StepBatches[]): Promise<StepTimes> {
    await this.#memory.submitted();
    await this.gpu.device.queue.onSubmittedWorkDone();
    this.#train.startExchangeTimes();
    const exchanges: ExchangeTimes[] = [];
    const timer = await StepTimer.create(this.gpu, steps.length);
    try {
      timer.start();
      steps.forEach((batches, i) => {
        this.#runStep(batches, timer.writes(i));
        this.#memory.behind(() => void exchanges.push(this.#train.takeExchangeTimes()));
      });
      await this.#memory.submitted();
      return { ...await timer.finish(), ...this.gpu.ranks.size > 1 && { exchanges } };
    } finally {
      timer.destroy();
    }
  }

  /**
   * Trains one step on a batch, its only micro-batch, and times each of its dispatches in milliseconds, by GPU timestamps. With `repeats` the
   * card makes that step as often, with no wait to tell it another: weights and moments are updated each time, but one step is counted, so that
   * what the session gives afterwards is of no training. Throws where there are no timestamps, or ranks exchange.
   */
  async profile(batch: Batch, repeats = 1): Promise<TimedDispatch[]> {
    const [packed] = this.#packed(batch); // a batch that is refused is no step
    const { step, ...values } = this.#nextStep();
    this.#memory.writeBatch(packed, { ...this.#rounding(step), ...values });
    return await this.#train.profile(repeats);
  }

  /** Evaluates the model on batches of the training batch's size, as `evaluate` says; under the session's own policy by default. */
  async evaluate(batches: readonly Batch[], policy: StoragePolicy = this.policy): Promise<Evaluation> {
    this.#requireRead();
    return await evaluate(this.#inTraining, batches, policy);
  }

  #requireRead(): void {
    if (this.#read < this.#steps) throw new Error("Read the losses of queued steps first");
  }

  /**
   * A program that computes gradients under another storage policy at this session's weights, for `runGradients`. Destroy it before the
   * session.
   */
  gradientProgram(policy: StoragePolicy, options: Partial<BuilderOptions> = {}): Promise<Program> {
    const builderOptions = { ...this.#builderOptions, scales: new OperandScales(), ...options };
    const { accumulate, ranks, rank } = this.options;
    return this.#memory.program(
      describeGradients(this.task, this.parameterSet, policy, builderOptions, { accumulate, ranks, rank }),
      this.#train,
    );
  }

  /** Queues such a program on the batches of a step, with the random bits of the next step. Changes no weight. */
  runGradients(program: Program, batches: StepBatches): void {
    this.#requireRead();
    this.#runEach(program, this.#packed(batches), { step: this.#steps + 1 });
  }

  /** A place for gradients that later ones are to be compared with. Destroy it before the session. */
  keptGradients(): Promise<KeptGradients> {
    return KeptGradients.create(this.#inTraining);
  }

  /** Continues `prompt` by `count` tokens, as `generate` says. */
  generate(prompt: readonly number[], count: number, sampling: Sampling): Promise<number[]> {
    return generate(this.#inTraining, prompt, count, sampling);
  }

  /** The weights, under the names and in the shapes of `transformers` or `timm`. */
  parameters(): Promise<Map<string, NamedTensor>> {
    return this.#named((parameter) => parameter.value);
  }

  /** The same, each read when it is asked for; of a parameter that is several tensors in checkpoints all are kept until another is. */
  unreadParameters(): Map<string, UnreadTensor> {
    let kept: { of: unknown; tensors: Map<string, NamedTensor> } | undefined;
    const read = async (parameter: ParameterSet["all"][number], name: string) => {
      if (kept?.of !== parameter) {
        kept = undefined; // before the next takes as much again
        const { value } = parameter;
        const values = unpackRows(await this.#memory.readValues(value), value);
        kept = { of: parameter, tensors: new Map(toCheckpoint(parameter, values)) };
      }
      return kept.tensors.get(name)!.data;
    };
    return new Map(
      this.parameterSet.all.flatMap((parameter) =>
        inCheckpoints(parameter).map(({ name, shape }) => [
          name,
          { dtype: "F32", shape, read: () => read(parameter, name) },
        ])
      ),
    );
  }

  /**
   * The gradients of the last step, before clipping, or of what `runGradients` ran behind it, under the names of the weights. Throws where a
   * step's did not outlive their update.
   */
  async gradients(): Promise<Map<string, NamedTensor>> {
    if (this.options.update === "backward") throw new Error("No gradient outlives its update in backward");
    return await this.#named((parameter) => parameter.gradient);
  }

  async #named(pick: (parameter: ParameterSet["all"][number]) => Tensor): Promise<Map<string, NamedTensor>> {
    const { all } = this.parameterSet;
    const values = await this.#memory.readTogether(all.map(pick));
    return new Map(
      all.flatMap((parameter, i) => toCheckpoint(parameter, unpackRows(values[i], pick(parameter)))),
    );
  }

  /** Of the last step the share of `clippedShare`. Waits for the queue. */
  clippedShare(): Promise<number> {
    return clippedShare(this.#memory, this.policy);
  }

  /** Of all steps so far the share of `overflowShare`. Waits for the queue. */
  overflowShare(): Promise<number | undefined> {
    const runs = this.#steps * this.#microBatches;
    return overflowShare(this.#memory, this.#scales, this.#train.description.dispatches, runs);
  }

  /** Frees the device memory of the session. */
  destroy(): void {
    this.#train?.destroy(); // which there is not where it could not be made
    this.#memory.destroy();
  }
}
