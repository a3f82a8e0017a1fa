import type { ProgramDescription } from "./builder.ts";
import { BufferSet, readBuffer } from "./buffers.ts";
import type { Gpu } from "./device.ts";
import { inErrorScopes } from "./errors.ts";
import { type Exchange, type ExchangeTimes, noExchanges, Staging } from "./exchange.ts";
import { fieldsOf, packFields } from "./fields.ts";
import { type Binding, bindingBytes, type Dispatch, flopsPerSubmit, fullName, type Scope } from "./kernel.ts";
import { groupLayouts, pipelineFor } from "./pipelines.ts";
import { besideExchange } from "./steps.ts";
import { StepTimer, type TimestampWrites } from "./timing.ts";
import { rowBytes, type Store, type Tensor, tensorBytes, wholeOf } from "./tensor.ts";

/** Bytes between the uniform blocks of two dispatches: the alignment that every adapter grants. */
const uniformStride = 256;

/** Dispatches that are profiled together: what a query set holds. */
const dispatchesPerProfile = 2048;

interface Prepared {
  dispatch: Dispatch;
  pipeline: GPUComputePipeline;
  groups: GPUBindGroup[];
  grid: [number, number];
}

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
    private readonly placeOf: ReadonlyMap<Tensor, { slot: number; offset: number }>,
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
    const { slotBytes, slots: { assignment, offsets } } = description.plan;
    const pool = new BufferSet<number | "uniforms">(gpu);
    const placeOf = new Map(
      description.tensors.map((tensor, i) => [tensor, { slot: assignment[i], offset: offsets[i] }]),
    );
    const borrowed = lender ? lender.#lend(slotBytes) : new Map<number, GPUBuffer>();
    const program = new Program(gpu, description, stores, pool, placeOf, borrowed);
    try {
      await pool.allocate([
        ...slotBytes.map((bytes, slot) => ({ bytes, slot })).filter(({ slot }) => !borrowed.has(slot)).map((
          { bytes, slot },
        ) => ({
          key: slot,
          name: `${description.name} pool ${slot}`,
          account: "pool" as const,
          bytes,
        })),
        {
          key: "uniforms" as const,
          name: `${description.name} uniforms`,
          account: "control" as const,
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
    const { gpu, description } = this;
    const { dispatches } = description;
    const pipelines = await Promise.all(dispatches.map((dispatch) => pipelineFor(gpu, dispatch)));
    const words = new Uint32Array(dispatches.length * uniformStride / 4);
    dispatches.forEach((dispatch, i) => {
      const block = words.subarray(i * uniformStride / 4, (i + 1) * uniformStride / 4);
      packParameters(dispatch, block);
    });
    gpu.device.queue.writeBuffer(this.pool.get("uniforms"), 0, words);
    const prepared = await inErrorScopes(
      gpu.device,
      description.plan.bufferBytes,
      () =>
        dispatches.map((dispatch, i) => {
          const layouts = groupLayouts(gpu.device, dispatch);
          const entries: GPUBindGroupEntry[][] = layouts.map(() => []);
          const size = Math.max(16, Math.ceil(Object.keys(dispatch.parameters).length / 4) * 16);
          entries[0].push({
            binding: 0,
            resource: { buffer: this.pool.get("uniforms"), offset: i * uniformStride, size },
          });
          for (const binding of dispatch.bindings) {
            entries[binding.group].push({ binding: binding.index, resource: this.#resource(binding) });
          }
          return {
            dispatch,
            pipeline: pipelines[i],
            groups: layouts.map((layout, group) =>
              gpu.device.createBindGroup({ layout, entries: entries[group] })
            ),
            grid: foldGrid(dispatch.workgroups, gpu.limits.maxComputeWorkgroupsPerDimension),
          };
        }),
    );
    this.#steps = prepared;
    for (const exchange of description.exchanges.toReversed()) {
      this.#steps.splice(exchange.before, 0, exchange);
    }
  }

  #buffer(tensor: Tensor): { buffer: GPUBuffer; offset: number } {
    if (tensor.home) return { buffer: this.stores.get(tensor.home.store), offset: tensor.home.offset };
    const { slot, offset } = this.placeOf.get(wholeOf(tensor))!;
    const rows = (tensor.view?.firstRow ?? 0) * rowBytes(tensor);
    return { buffer: this.borrowed.get(slot) ?? this.pool.get(slot), offset: offset + rows };
  }

  /** For each wanted size the largest buffer of the pool not yet given, largest first, where it is large enough. */
  #lend(wanted: readonly number[]): Map<number, GPUBuffer> {
    const own = this.description.plan.slotBytes.map((_, slot) => slot).filter((slot) => this.pool.has(slot));
    const bySize = (sizes: readonly number[]) => (a: number, b: number) => sizes[b] - sizes[a];
    own.sort(bySize(this.description.plan.slotBytes));
    const lent = new Map<number, GPUBuffer>();
    for (const slot of wanted.map((_, i) => i).sort(bySize(wanted))) {
      if (own.length > 0 && this.description.plan.slotBytes[own[0]] >= wanted[slot]) {
        lent.set(slot, this.pool.get(own.shift()!));
      }
    }
    return lent;
  }

  #resource(binding: Binding): GPUBufferBinding {
    const { tensor, first = 0 } = binding;
    const { buffer, offset } = this.#buffer(tensor);
    return { buffer, offset: offset + first * rowBytes(tensor), size: bindingBytes(binding) };
  }

  /**
   * Encodes and submits the program once, for a step's only micro-batch or for one of several. Waits for nothing, but where it exchanges:
   * then what it returns is resolved when the last of it is submitted, and until then nothing else may be queued. `timestamps` receives the begin and the end of the first
   * and last pass.
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
  }

  #submit(steps: readonly Prepared[], timestamps?: TimestampWrites): void {
    const { device } = this.gpu;
    let from = 0;
    while (from < steps.length) {
      let to = from;
      let flops = 0;
      while (to < steps.length && (to === from || flops + steps[to].dispatch.flops < flopsPerSubmit)) {
        flops += steps[to++].dispatch.flops;
      }
      const begin = from === 0 ? timestamps?.begin : undefined;
      const end = to === steps.length ? timestamps?.end : undefined;
      const marks = begin !== undefined || end !== undefined;
      const timestampWrites: GPUComputePassTimestampWrites | undefined = marks
        ? {
          querySet: timestamps!.querySet,
          ...(begin !== undefined && { beginningOfPassWriteIndex: begin }),
          ...(end !== undefined && { endOfPassWriteIndex: end }),
        }
        : undefined;
      const encoder = device.createCommandEncoder();
      this.#staging?.begin(encoder);
      const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
      for (const { pipeline, groups, grid } of steps.slice(from, to)) {
        pass.setPipeline(pipeline);
        groups.forEach((group, i) => pass.setBindGroup(i, group));
        pass.dispatchWorkgroups(grid[0], grid[1]);
      }
      pass.end();
      device.queue.submit([encoder.finish()]);
      from = to;
    }
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
    for (let from = 0; from < passes.length; from += dispatchesPerProfile) {
      const part = passes.slice(from, from + dispatchesPerProfile);
      const timer = await StepTimer.create(this.gpu, part.length);
      try {
        const encoder = device.createCommandEncoder();
        part.forEach(({ pipeline, groups, grid }, i) => {
          const writes = timer.writes(i);
          if (!writes) throw new Error("This device has no timestamps");
          const pass = encoder.beginComputePass({
            timestampWrites: {
              querySet: writes.querySet,
              beginningOfPassWriteIndex: writes.begin,
              endOfPassWriteIndex: writes.end,
            },
          });
          pass.setPipeline(pipeline);
          groups.forEach((group, g) => pass.setBindGroup(g, group));
          pass.dispatchWorkgroups(grid[0], grid[1]);
          pass.end();
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

const isExchange = (step: Prepared | Exchange): step is Exchange => "carry" in step;
const scopeOf = (step: Prepared | Exchange): Scope => isExchange(step) ? step : step.dispatch;

/** Fills a dispatch's uniform block. Throws an Error with the kernel's label if its parameters are not those that the shader declares. */
function packParameters({ kernel, parameters }: Dispatch, block: Uint32Array<ArrayBuffer>): void {
  try {
    packFields(fieldsOf(kernel.code, "Parameters"), parameters, block);
  } catch (error) {
    throw new Error(`Parameters of kernel "${fullName(kernel)}": ${(error as Error).message}`);
  }
}

/** A flat count of workgroups as a grid within the limit of one dimension. Shaders fold it back with `num_workgroups.x`. */
export function foldGrid(workgroups: number, limit: number): [number, number] {
  if (workgroups <= limit) return [workgroups, 1];
  const y = Math.ceil(workgroups / limit);
  return [Math.ceil(workgroups / y), y];
}
