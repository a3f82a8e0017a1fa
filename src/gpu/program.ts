import type { ProgramDescription } from "./builder.ts";
import { BufferSet, readBuffer } from "./buffers.ts";
import type { Gpu } from "./device.ts";
import { type Exchange, type ExchangeTimes, noExchanges, Staging } from "./exchange.ts";
import { type Dispatch, flopsPerSubmit, type Scope, uniformStride } from "./kernel.ts";
import { encodePass, type Place, prepare, type Prepared } from "./prepared.ts";
import { mostTimed, StepTimer, type TimestampWrites } from "./timing.ts";
import { besideExchange, isExchange } from "./steps.ts";
import { rowBytes, type Store, type Tensor, tensorBytes, wholeOf } from "./tensor.ts";

/** Which of a step's micro-batches a run is for: whether the first, and whether the last. */
export interface MicroBatch {
  readonly first?: boolean;
  readonly last?: boolean;
}

/** A dispatch, and how long it took in each run. */
export interface TimedDispatch {
  readonly dispatch: Dispatch;
  readonly milliseconds: readonly number[];
}

/** A program with its memory, pipelines and bind groups made: `run` only encodes and submits. */
export class Program {
  /** What the next run encodes: at first everything, then what is not for the first run only. */
  #steps: (Prepared | Exchange)[] = [];
  #staging?: Staging;

  private constructor(
    readonly gpu: Gpu,
    readonly description: ProgramDescription,
    private readonly stores: BufferSet<Store>,
    private readonly pool: BufferSet<number | "uniforms">,
    private readonly slotOf: ReadonlyMap<Tensor, { slot: number; offset: number }>,
    private readonly borrowed: ReadonlyMap<number, GPUBuffer>,
  ) {}

  /**
   * Makes a program. `stores` must hold every store that the description names. A program that never runs between another's forward and
   * backward can borrow that one's pool (`lender`), and makes only what does not fit in it; it must be destroyed first. Throws
   * OutOfMemoryError with the bytes wanted, and an Error if a kernel does not compile.
   */
  static async create(
    gpu: Gpu,
    description: ProgramDescription,
    stores: BufferSet<Store>,
    lender?: Program,
  ): Promise<Program> {
    const { sizes, assignment, offsets } = description.plan.slots;
    const pool = new BufferSet<number | "uniforms">(gpu);
    const slotOf = new Map(
      description.tensors.map((tensor, i) => [tensor, { slot: assignment[i], offset: offsets[i] }]),
    );
    const borrowed = lender ? lender.#lend(sizes) : new Map<number, GPUBuffer>();
    const program = new Program(gpu, description, stores, pool, slotOf, borrowed);
    try {
      await pool.allocate([
        ...sizes.map((bytes, slot) => ({ bytes, slot })).filter(({ slot }) => !borrowed.has(slot)).map((
          { bytes, slot },
        ) => ({
          key: slot,
          name: `${description.name} pool ${slot}`,
          bytes,
        })),
        {
          key: "uniforms" as const,
          name: `${description.name} uniforms`,
          bytes: description.dispatches.length * uniformStride,
          usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
        },
      ]);
      if (description.exchanges.length > 0) {
        program.#staging = await Staging.create(gpu, description.exchanges);
      }
      await program.#prepare();
    } catch (error) {
      program.destroy();
      throw error;
    }
    return program;
  }

  async #prepare(): Promise<void> {
    const { dispatches, exchanges, plan } = this.description;
    const uniforms = this.pool.get("uniforms");
    const placeOf = (tensor: Tensor) => this.#buffer(tensor);
    this.#steps = await prepare(this.gpu, dispatches, uniforms, placeOf, plan.bufferBytes);
    for (const exchange of exchanges.toReversed()) this.#steps.splice(exchange.before, 0, exchange);
  }

  #buffer(tensor: Tensor): Place {
    if (tensor.home) return { buffer: this.stores.get(tensor.home.store), offset: tensor.home.offset };
    const { slot, offset } = this.slotOf.get(wholeOf(tensor))!;
    const rows = (tensor.view?.firstRow ?? 0) * rowBytes(tensor);
    return { buffer: this.borrowed.get(slot) ?? this.pool.get(slot), offset: offset + rows };
  }

  /** For each wanted size the largest buffer of the pool not yet given, largest first, where it is large enough. */
  #lend(wanted: readonly number[]): Map<number, GPUBuffer> {
    const { sizes } = this.description.plan.slots;
    const own = sizes.map((_, slot) => slot).filter((slot) => this.pool.has(slot));
    const bySize = (of: readonly number[]) => (a: number, b: number) => of[b] - of[a];
    own.sort(bySize(sizes));
    const lent = new Map<number, GPUBuffer>();
    for (const slot of wanted.map((_, i) => i).sort(bySize(wanted))) {
      if (own.length > 0 && sizes[own[0]] >= wanted[slot]) {
        lent.set(slot, this.pool.get(own.shift()!));
      }
    }
    return lent;
  }

  /**
   * Encodes and submits the program once, for a step's only micro-batch or for one of several. Waits for nothing, but where it exchanges:
   * then what it returns is resolved when the last of it is submitted, and until then nothing else may be queued. `timestamps` receives
   * the begin of the first pass and the end of the last.
   */
  run(
    timestamps?: TimestampWrites,
    { first = true, last = true }: MicroBatch = {},
  ): Promise<void> | undefined {
    const runs = { first, last };
    const steps = first && last ? this.#steps : this.#steps.filter((step) => {
      const { microBatch } = scopeOf(step);
      return !microBatch || runs[microBatch];
    });
    this.#forgetFirst();
    if (steps.some(isExchange)) return this.#runInParts(steps, timestamps);
    this.#submit(steps as Prepared[], timestamps);
  }

  async #runInParts(steps: readonly (Prepared | Exchange)[], timestamps?: TimestampWrites): Promise<void> {
    const { querySet, begin, end } = timestamps ?? {};
    for (let from = 0; from < steps.length;) {
      const next = steps.findIndex((step, i) => i >= from && isExchange(step));
      const to = next < 0 ? steps.length : next;
      const marks = { ...from === 0 && { begin }, ...to === steps.length && { end } };
      this.#submit(steps.slice(from, to) as Prepared[], querySet && { querySet, ...marks });
      from = to + 1;
      if (to === steps.length) break;
      const exchange = steps[to] as Exchange;
      const beside = stepsBeside(exchange, steps.slice(from, -1)); // the last has the step's end
      from += beside.length;
      const place = (tensor: Tensor) => this.#buffer(tensor);
      await this.#staging!.exchange(exchange, place, () => this.#submit(beside));
    }
    if (isExchange(steps.at(-1)!)) this.#submit([], querySet && { querySet, end });
  }

  /** Without steps a pass that writes the timestamps, if there are any: what begins or ends with an exchange has them, too. */
  #submit(steps: readonly Prepared[], timestamps?: TimestampWrites): void {
    const { device } = this.gpu;
    const marks = timestamps?.begin !== undefined || timestamps?.end !== undefined;
    if (steps.length === 0 && !marks) return;
    let from = 0;
    do {
      let to = from;
      let flops = 0;
      while (to < steps.length && (to === from || flops + steps[to].dispatch.flops < flopsPerSubmit)) {
        flops += steps[to++].dispatch.flops;
      }
      const encoder = device.createCommandEncoder();
      this.#staging?.begin(encoder);
      encodePass(encoder, steps.slice(from, to), {
        querySet: timestamps?.querySet,
        ...from === 0 && { begin: timestamps?.begin },
        ...to === steps.length && { end: timestamps?.end },
      });
      device.queue.submit([encoder.finish()]);
      from = to;
    } while (from < steps.length);
  }

  /** Forgets what its exchanges took so far. The queue must be idle. */
  startExchangeTimes(): void {
    this.#staging?.startTimes();
  }

  /** What its exchanges since the last call, or the start, took. */
  takeExchangeTimes(): ExchangeTimes {
    return this.#staging?.takeTimes() ?? noExchanges;
  }

  #forgetFirst(): void {
    this.#steps = this.#steps.filter((step) => isExchange(step) || !step.dispatch.first);
  }

  /**
   * Runs the program `repeats` times with a pass for each dispatch and returns, in their order, the milliseconds of each in every run, by
   * GPU timestamps. Slower than `run` as a whole. Throws if the device has no timestamps, or the program exchanges.
   */
  async profile(repeats = 1): Promise<TimedDispatch[]> {
    const { device } = this.gpu;
    if (this.#staging) throw new Error("A program that exchanges is not profiled");
    const steps = this.#steps as Prepared[];
    const passes = Array.from({ length: repeats }, () => steps).flat();
    const times: number[] = [];
    for (let from = 0; from < passes.length; from += mostTimed) {
      const part = passes.slice(from, from + mostTimed);
      const timer = await StepTimer.create(this.gpu, part.length);
      try {
        const encoder = device.createCommandEncoder();
        part.forEach((step, i) => {
          const writes = timer.writes(i);
          if (!writes) throw new Error("This device has no timestamps");
          encodePass(encoder, [step], writes);
        });
        device.queue.submit([encoder.finish()]);
        times.push(...await timer.durations());
      } finally {
        timer.destroy();
      }
    }
    this.#forgetFirst();
    return steps.map(({ dispatch }, i) => ({
      dispatch,
      milliseconds: Array.from({ length: repeats }, (_, run) => times[run * steps.length + i]),
    }));
  }

  /** The bytes of a tensor, padding included. A planned tensor's bytes are its own only in a program built with `keepAll`. */
  read(tensor: Tensor): Promise<ArrayBuffer> {
    const { buffer, offset } = this.#buffer(tensor);
    return readBuffer(this.gpu, buffer, offset, tensorBytes(tensor));
  }

  /** Writes a tensor's bytes, padding included. */
  write(tensor: Tensor, data: ArrayBufferView<ArrayBuffer>): void {
    const { buffer, offset } = this.#buffer(tensor);
    this.gpu.device.queue.writeBuffer(buffer, offset, data.buffer, data.byteOffset, data.byteLength);
  }

  destroy(): void {
    this.pool.destroy();
    this.#staging?.destroy();
  }
}

/** What of the steps behind an exchange need not wait for it. */
function stepsBeside(exchange: Exchange, following: readonly (Prepared | Exchange)[]): Prepared[] {
  const next = following.findIndex(isExchange);
  const until = (next < 0 ? following : following.slice(0, next)) as Prepared[];
  return until.slice(0, besideExchange(exchange, until.map(({ dispatch }) => dispatch)));
}

const scopeOf = (step: Prepared | Exchange): Scope => isExchange(step) ? step : step.dispatch;
