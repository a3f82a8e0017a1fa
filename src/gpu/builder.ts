import type { Category } from "../memory/category.ts";
import { liveBytes, livePeak } from "../memory/live.ts";
import { type Claim, type MemoryPlan, planMemory, type Standing } from "../memory/plan.ts";
import {
  type Arithmetic,
  type MatrixConfig,
  type MatrixShape,
  matrixShape,
  refuseArithmetic,
} from "./arithmetic.ts";
import { type Exchange, type PlacedExchange, stagingBytes } from "./exchange.ts";
import { apart, isExchange, type Step, withoutDeadRecomputation } from "./steps.ts";
import { type Dispatch, flopsPerSubmit, type Scope, uniformStride } from "./kernel.ts";
import type { Operand } from "./operand.ts";
import type { OperandScales } from "./operand_scales.ts";
import { type DeviceLimits, rowWindows, type Window } from "./limits.ts";
import { type Dtype, padded, rowBytes, type Store, type Tensor, tensorBytes, wholeOf } from "./tensor.ts";

/** A program as a description: dispatches in order, and the memory they need. */
export interface ProgramDescription {
  readonly name: string;
  readonly dispatches: readonly Dispatch[];
  /** What crosses between ranks, in order, each with its place among the dispatches. */
  readonly exchanges: readonly PlacedExchange[];
  /** Planned tensors, in the order of the plan's claims. */
  readonly tensors: readonly Tensor[];
  readonly stores: readonly Store[];
  /** What the tensors claim of memory, one each, and what stands beside them for the whole program. */
  readonly claims: readonly Claim[];
  readonly standing: readonly Standing[];
  /** The variants that its kernels took, by what was asked for. */
  readonly variants: Variants;
  readonly plan: MemoryPlan;
}

/** Names of variants by what asks for one: a kernel at a shape, such as `matmul nn 4096×2304×768`. */
export type Variants = Readonly<Record<string, string>>;

/** The options that suit a device. */
export function builderOptionsFor(gpu: {
  limits: DeviceLimits;
  subgroupSize: number;
  matrixConfigs: readonly MatrixConfig[];
  adapter: { class: "gpu" | "software" };
}): BuilderOptions {
  return {
    limits: gpu.limits,
    adapterClass: gpu.adapter.class,
    subgroupSize: gpu.subgroupSize,
    matrices: matrixShape(gpu.matrixConfigs),
  };
}

/** A current discrete GPU, with these limits; its matrices are an NVIDIA card's. */
export const gpuWith = (limits: DeviceLimits): BuilderOptions => ({
  limits,
  adapterClass: "gpu",
  subgroupSize: 32,
  matrices: { m: 16, n: 16, k: 16 },
});

/** A software adapter, with these limits: processors have vectors of eight numbers. */
export const softwareWith = (limits: DeviceLimits): BuilderOptions => ({
  limits,
  adapterClass: "software",
  subgroupSize: 8,
});

/** Options of a description. */
export interface BuilderOptions {
  readonly limits: DeviceLimits;
  /** Software adapters want other kernels than GPUs: they pay for every load of every lane. */
  readonly adapterClass: "gpu" | "software";
  /** Lanes of a subgroup; 0, the default, where shaders have no subgroup operations. */
  readonly subgroupSize?: number;
  /** What a subgroup multiplies as one; undefined, the default, where it can none. */
  readonly matrices?: MatrixShape;
  /** What products compute in; f32 by default. */
  readonly arithmetic?: Arithmetic;
  /** By what products in halves multiply their operands; without, by nothing. */
  readonly scales?: OperandScales;
  /** Variants that are set, by a tuning run or to repeat one; where none is, a kernel's table decides. */
  readonly variants?: Variants;
  /** Floating-point operations that one dispatch should not exceed where its kernel can be cut; by default those of a submit. */
  readonly flopsPerDispatch?: number;
  /** Bytes that may be taken for speed alone where a kernel asks, the first time, the second and so on; left out, nobody knows. */
  readonly spare?: (asked: number) => number;
  /** Gives every tensor a buffer of its own, kept to the end, so that a test can read it after the program has run. */
  readonly keepAll?: boolean;
}

/** Whether a step that comes next is not yet the kernel that asked for memory: an exchange, or a look at its operands, at which no more lives. */
const goesBefore = (step: Step) => isExchange(step) || step.first === true;

/**
 * Records a program: operators ask it for tensors and give it dispatches. Needs no adapter. Throws a UserError for arithmetic that
 * the options' adapter cannot do.
 */
export class ProgramBuilder {
  readonly limits: DeviceLimits;
  readonly adapterClass: "gpu" | "software";
  readonly subgroupSize: number;
  readonly matrices?: MatrixShape;
  readonly arithmetic: Arithmetic;
  readonly scales?: OperandScales;
  readonly flopsPerDispatch: number;
  readonly #steps: Step[] = [];
  readonly #keepAll: boolean;
  readonly #spare?: (asked: number) => number;
  /** For each time that a kernel asked for spare memory: the dispatch that came next, the end of those that it is for, and the bytes that it would have. */
  readonly #asked: { next: number; end?: number; wanted: number }[] = [];
  #roomTaken = 0;
  #roomHeld = 0;
  readonly #given: Variants;
  readonly #taken: Record<string, string> = {};
  readonly #carried: Tensor[] = [];
  #scope: Scope = {};

  constructor(readonly name: string, options: BuilderOptions) {
    this.limits = options.limits;
    this.adapterClass = options.adapterClass;
    this.subgroupSize = options.subgroupSize ?? 0;
    this.matrices = options.matrices;
    this.arithmetic = options.arithmetic ?? "f32";
    this.scales = this.arithmetic === "f32" ? undefined : options.scales;
    refuseArithmetic(this.arithmetic, this);
    this.flopsPerDispatch = options.flopsPerDispatch ?? flopsPerSubmit;
    this.#keepAll = options.keepAll ?? false;
    this.#spare = options.spare;
    this.#given = options.variants ?? {};
  }

  /** Describes a planned matrix. Rows are padded to whole vectors unless `stride` says otherwise. */
  tensor(
    name: string,
    rows: number,
    cols: number,
    options: { category: Category; dtype?: Dtype; stride?: number },
  ): Tensor {
    const { category, dtype = "f32", stride = padded(cols) } = options;
    return { name, dtype, rows, cols, stride, category };
  }

  /** Cuts the rows of tensors that are windowed together. */
  windows(tensors: readonly Tensor[], unit = 1): Window[] {
    return rowWindows(this.limits, tensors[0].rows, Math.max(...tensors.map(rowBytes)), unit);
  }

  /** The name of the variant that `asked` takes: the one that is set for it, else `fallback`. The description tells it. */
  variantFor(asked: string, fallback: string): string {
    return this.#taken[asked] = this.#given[asked] ?? fallback;
  }

  /** Bytes that the kernel whose dispatch comes next, and is followed by one that adds up, may take for speed alone. It wants so many. */
  spare(wanted: number): number {
    const before = this.#roomTaken;
    this.#roomTaken = 0;
    return (this.#ask(wanted) ?? Infinity) - before;
  }

  /** Takes so many bytes for speed alone, as long as the kernel that asks next runs, if that raises no peak: not before one is known. */
  takeRoom(bytes: number): boolean {
    const has = this.#roomTaken + bytes <= (this.#ask(0) ?? 0);
    if (has) this.#roomTaken += bytes;
    return has;
  }

  /** Does `work`, which is told whether it may take so many bytes for speed alone as long as it lasts, as `takeRoom` tells it. */
  withRoom(bytes: number, work: (has: boolean) => void): void {
    const has = bytes <= (this.#ask(0) ?? 0);
    const asked = this.#asked.at(-1)!;
    const taken = has ? bytes : 0;
    this.#roomHeld += taken;
    work(has);
    this.#roomHeld -= taken;
    asked.end = this.#steps.length;
  }

  #ask(wanted: number): number | undefined {
    this.#asked.push({ next: this.#steps.length, wanted });
    const spare = this.#spare?.(this.#asked.length - 1);
    return spare === undefined ? undefined : spare - this.#roomHeld;
  }

  /** For each time that a kernel asked for spare memory, the bytes below the live peak at its dispatches, what it took included. */
  spareWhereAsked(): number[] {
    const { dispatches, claims } = this.#recorded();
    const live = liveBytes(claims);
    const peak = livePeak(claims).bytes;
    const at = new Map<Step, number>(dispatches.map((dispatch, i) => [dispatch, i]));
    const liveAt = (step: Step) => live[at.get(step) ?? -1] ?? -Infinity; // of what nobody wants, nothing
    return this.#asked.map(({ next, end, wanted }) => {
      if (end !== undefined) return peak - Math.max(...this.#steps.slice(next, end).map(liveAt));
      while (next < this.#steps.length && goesBefore(this.#steps[next])) next++;
      const index = at.get(this.#steps[next]);
      if (index === undefined) return Infinity; // nobody wants its result
      return peak - Math.max(live[index] ?? 0, live[index + 1] ?? 0) + wanted;
    });
  }

  /** Does `work`; what it dispatches belongs to this scope, unless an inner one says otherwise. */
  within<T>(scope: Scope, work: () => T): T {
    const outer = this.#scope;
    this.#scope = { ...outer, ...scope };
    try {
      return work();
    } finally {
      this.#scope = outer;
    }
  }

  /** Lets what x reads live on to the next dispatch, which does not read it: for who must store what nobody needs. */
  carry(x: Operand): void {
    this.#carried.push(...x.bindings(0).map(({ tensor }) => tensor));
  }

  /** Appends a dispatch. */
  dispatch(dispatch: Dispatch): void {
    const carries = this.#carried.splice(0);
    this.#steps.push({ ...this.#scope, ...dispatch, ...carries.length > 0 && { carries } });
  }

  /** Appends an exchange between ranks. */
  exchange(exchange: Exchange): void {
    this.#steps.push({ ...this.#scope, ...exchange });
  }

  /** Ends the recording. The memory is planned when it is first asked for, which not everyone who looks at a program does. */
  build(): ProgramDescription {
    const { dispatches, exchanges, tensors, stores, claims } = this.#recorded();
    const control = (name: string, bytes: number) => ({ name, category: "control" as const, bytes });
    const standing = [
      ...stores,
      control("uniforms", dispatches.length * uniformStride),
      ...stagingBytes(exchanges).map(({ name, bytes }) => control(name, bytes)),
    ];
    let plan: ProgramDescription["plan"] | undefined;
    return {
      name: this.name,
      dispatches,
      exchanges,
      tensors,
      stores,
      claims,
      standing,
      variants: this.#taken,
      get plan() {
        return plan ??= planMemory(claims, standing, apart(dispatches, exchanges, tensors));
      },
    };
  }

  /**
   * What is worth running, and the memory that it needs: a planned tensor lives from the first dispatch that binds it, or rows of it, to the
   * last. One that leaves lives until the dispatch before its exchange, one that arrives from the dispatch after; but where exchanges follow
   * one another, what leaves in a later one lives beside what has arrived. What stays and where it goes live beside what leaves, or, late,
   * beside what arrives.
   */
  #recorded() {
    const dispatches: Dispatch[] = [];
    const exchanges: PlacedExchange[] = [];
    const life = new Map<Tensor, { first: number; last: number }>();
    const stores = new Set<Store>();
    const alive = (tensor: Tensor, at: number) => {
      if (tensor.home) return void stores.add(tensor.home.store);
      const whole = wholeOf(tensor);
      const lives = life.get(whole);
      if (lives) [lives.first, lives.last] = [Math.min(lives.first, at), Math.max(lives.last, at)];
      else life.set(whole, { first: at, last: at });
    };
    for (const step of withoutDeadRecomputation(this.#steps)) {
      const at = dispatches.length;
      if (isExchange(step)) {
        const follows = exchanges.at(-1)?.before === at;
        exchanges.push({ ...step, before: at });
        for (const { tensor } of step.leaves) alive(tensor, follows ? at : at - 1);
        for (const { tensor } of step.arrives) alive(tensor, at);
        for (const { from, to } of step.stays?.copies ?? []) {
          const when = step.stays?.late ? at : at - 1;
          for (const { tensor } of [from, to]) alive(tensor, when);
        }
      } else {
        dispatches.push(step);
        for (const { tensor } of step.bindings) alive(tensor, at);
        for (const tensor of step.carries ?? []) alive(tensor, at);
      }
    }
    const end = dispatches.length - 1;
    const claims: Claim[] = [...life].map(([tensor, lives]) => {
      const { first, last } = this.#keepAll ? { first: 0, last: end } : lives;
      return { name: tensor.name, category: tensor.category, bytes: tensorBytes(tensor), first, last };
    });
    return { dispatches, exchanges, tensors: [...life.keys()], stores: [...stores], claims };
  }
}
