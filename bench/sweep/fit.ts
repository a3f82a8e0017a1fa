/** What fits in so many bytes: the largest batch, sequence, depth or width of a training step, by its plan alone. */

import { remembered } from "../../kernels/shared/remembered.ts";
import { UserError } from "../../src/errors.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { refuseBeyondRoom } from "../../src/gpu/room.ts";
import { type Describe, describeLeanest } from "../../src/gpu/within_peak.ts";
import type { LeastMemory, MemoryPlan } from "../../src/memory/plan.ts";
import { byFamily } from "../../src/models/families.ts";
import { checkModel, type ModelConfig } from "../../src/models/model_config.ts";
import { mostLayers } from "../../src/models/shared/sizes.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import type { TrainOptions } from "../../src/train/options.ts";
import { describeStep, leastOfStep } from "../../src/train/plan_training.ts";
import { type StepChoices, stepDefaults } from "../../src/train/step_choices.ts";
import { largestWhere } from "./largest.ts";
import { ofLength, type Shape } from "./shapes.ts";

/** What can be left open of a step. */
export const dimensions = ["batch", "sequence", "depth", "width"] as const;
export type Dimension = typeof dimensions[number];

/** A step of which one size is left open; that of the shape says nothing. */
export interface OpenStep extends Shape {
  readonly largest: Dimension;
  readonly policy: PolicyDocument;
  readonly choices: StepChoices;
  /** Whether a sequence ends at the model's positions, instead of being of a model with as many as it needs. */
  readonly keepPositions: boolean;
  /** Tokens that a sequence is counted in; left out, one. */
  readonly unit?: number;
}

/**
 * - `memory`: the buffers exceed the budget;
 * - `buffer`: one of them exceeds the adapter's largest, or cannot be bound;
 * - `positions`: the model has no more, and is to keep them;
 * - `program`: it is more than can be planned, or than kernels can count.
 */
export const limits = ["memory", "buffer", "positions", "program"] as const;
export type FitLimit = typeof limits[number];

/** Why a size does not fit. */
export interface Refusal {
  readonly limit: FitLimit;
  readonly message: string;
  /** Bytes that it wants, as far as they are known. */
  readonly wantedBytes: number | null;
}

/** A size that fits. */
export interface Fitting {
  readonly size: number;
  readonly plan: MemoryPlan;
}

/** The largest size that fits, if any does, and the next, which does not. */
export interface Fit {
  readonly answer: Fitting | null;
  readonly next: { readonly size: number; readonly refusal: Refusal };
}

/** The step whose open size is that: a number of sequences, units of tokens or blocks, or of heads, of a Llama of heads of keys. */
export function stepOf(open: OpenStep, size: number): TrainOptions {
  const { model, sequence, batch, policy, choices } = open;
  const step = { model, sequence, batch, policy, ...choices, seed: 0 };
  switch (open.largest) {
    case "batch":
      return { ...step, batch: size };
    case "sequence": {
      const tokens = inUnits(open, size);
      return { ...step, sequence: tokens, model: open.keepPositions ? model : withPositions(model, tokens) };
    }
    case "depth":
      return { ...step, model: renamed(model, { ...model, layers: size }, `${size}-layers`) };
    case "width": {
      const wide = widened(model, size);
      return { ...step, model: renamed(model, wide, `${wide.width}-wide`) };
    }
  }
}

/** The smallest size: where ranks share it, each needs some. */
export function leastSize(
  { largest, choices, unit = 1 }: Pick<OpenStep, "largest" | "choices" | "unit">,
): number {
  const { ranks, spread } = { ...stepDefaults, ...choices };
  return largest === spread ? Math.ceil(ranks / unit) : 1;
}

/** What a size is in the words of tables: a width in channels, a sequence in tokens. */
export function inUnits({ largest, model, unit = 1 }: OpenStep, size: number): number {
  return largest === "width" ? widened(model, size).width : size * unit;
}

/** The model itself where it has as many positions, else one that has exactly those. */
const withPositions = (model: ModelConfig, sequence: number): ModelConfig =>
  "positions" in model && model.positions < sequence ? ofLength(model, sequence) : model;

/** A model changed in its sizes, under a name that tells it from the one it was made of. */
const renamed = (from: ModelConfig, to: ModelConfig, suffix: string): ModelConfig =>
  from.layers === to.layers && from.width === to.width ? from : { ...to, name: `${from.name}-${suffix}` };

const byHeads = <Config extends { width: number; heads: number }>(model: Config, heads: number): Config => ({
  ...model,
  heads,
  width: heads * model.width / model.heads,
});

/**
 * The model that is wider or narrower in proportion, by whole heads of the same size: of a Llama by whole heads of keys, each with as many heads
 * that read it, and with as many channels in the MLP for each of the model's.
 */
const widened = byFamily<[number], ModelConfig>({
  gpt2: byHeads,
  vit: byHeads,
  llama: (model, keyHeads) => {
    const times = (size: number) => Math.round(size * keyHeads / model.keyHeads);
    return {
      ...model,
      keyHeads,
      heads: times(model.heads),
      width: times(model.width),
      hidden: times(model.hidden),
    };
  },
});

/** How many sizes are looked at beyond the first that does not fit, for partial sums and for packing. */
const mostLooks = { sums: 32, packing: 8 };

/** How many plans a guess is mended by. */
const mostGuesses = 4;

/** Searches for the largest size of one open step on an adapter; what it has planned for one budget it does not plan again for another. */
export class FitSearch {
  /** What is known of a size before any buffers are packed. Of it and of the plan numbers alone are kept: a step has thousands of dispatches. */
  readonly #outlineOf = this.#outlines();
  /** The same with nothing taken for speed. */
  readonly #leanestOf = this.#outlines(describeLeanest);
  readonly #plannedOf = remembered((size: number): MemoryPlan | Refusal =>
    this.#beyondModel(size) ?? orRefusal(() => describeStep(stepOf(this.open, size), this.adapter).plan)
  );

  constructor(readonly open: OpenStep, readonly adapter: BuilderOptions) {}

  /**
   * What fits in so many bytes. A larger step may take less than a smaller one, where products of small models are cut into fewer parts, or where
   * tensors happen to be packed better: so some sizes are looked at beyond the first that does not fit, and others may fit yet.
   *
   * @throws {UserError} if the step contradicts itself whatever the size
   * @throws the signal's reason once it is aborted, after the size that is being planned
   */
  async largestIn(budget: number, signal?: AbortSignal): Promise<Fit> {
    const most = await this.#mostAtLeast(budget, signal);
    const fits = interruptible((size) => this.#fits(size, budget, most), signal);
    const guess = most && await this.#guess(most, budget, signal);
    const least = leastSize(this.open);
    const from = (size: number, least: number) => largestWhere(fits, { near: size, least });
    const even = guess && await this.#evenIn(guess, fits);
    const first = even && await from(even, even);
    const again = first &&
      (await this.#fitsAgain(first, budget, fits, signal) ??
        await largestOf(mostLooks.packing, first, most, fits));
    const size = again ? await from(again, again) : first;
    const beyond = size === undefined ? least : size + 1;
    return {
      answer: size === undefined ? null : { size, plan: this.planOf(size)! },
      next: { size: beyond, refusal: this.refusalOf(beyond, budget)! },
    };
  }

  #outlines(describe?: Describe): (size: number) => LeastMemory | Refusal {
    return remembered((size: number) =>
      this.#beyondModel(size) ?? orRefusal(() => leastOfStep(stepOf(this.open, size), this.adapter, describe))
    );
  }

  /** Why a size does not fit in so many bytes; null if it does. */
  refusalOf(size: number, budget: number): Refusal | null {
    return this.#refusalIn(this.#plannedOf(size), budget);
  }

  /** The plan of a step of that size; null if there is none, whatever the budget. */
  planOf(size: number): MemoryPlan | null {
    const planned = this.#plannedOf(size);
    return "limit" in planned ? null : planned;
  }

  /** Rules of the policy that hold for nothing in a step of that size. */
  idleRules(size: number): readonly number[] {
    if (this.open.policy.rules.length === 0) return [];
    return describeStep(stepOf(this.open, size), this.adapter).idleRules;
  }

  /** Whether a size fits, of which those up to `most` may: beyond, what is known before buffers are packed spares the packing. */
  #fits(size: number, budget: number, most = 0): boolean {
    return (size <= most || this.#refusalAtLeast(size, budget) === null) &&
      this.refusalOf(size, budget) === null;
  }

  /**
   * The largest size that ranks share evenly: what they share unevenly is packed worse by some percent, so that of all sizes the first which
   * does not fit tells little of those beyond.
   */
  async #evenIn(guess: number, fits: (size: number) => Promise<boolean>): Promise<number | undefined> {
    const least = leastSize(this.open);
    const times = await largestWhere((times) => fits(times * least), { near: Math.floor(guess / least) });
    return times && times * least;
  }

  /**
   * A size that fits beyond one whose next does not, where partial sums decide on that: of many the largest that is looked at. Packing is taken to
   * cost as much there as it does here.
   */
  async #fitsAgain(
    size: number,
    budget: number,
    fits: (size: number) => Promise<boolean>,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    const next = size + 1;
    const [least, leanest] = [this.#outlineOf(next), this.#leanestOf(next)];
    if ("limit" in least || "limit" in leanest || least.bufferBytes === leanest.bufferBytes) return undefined;
    const packing = (this.planOf(next)?.bufferBytes ?? least.bufferBytes) / least.bufferBytes;
    const mayFit = interruptible((size) => {
      const found = this.#leanestOf(size);
      const packed = "limit" in found ? found : { ...found, bufferBytes: packing * found.bufferBytes };
      return this.#refusalIn(packed, budget) === null;
    }, signal);
    if (!await mayFit(next)) return undefined;
    const most = await largestWhere(mayFit, { near: next, least: next }) as number;
    return await largestOf(mostLooks.sums, size, most, fits);
  }

  /** The largest size that may fit, however its buffers are packed. */
  async #mostAtLeast(budget: number, signal?: AbortSignal): Promise<number | undefined> {
    const mayFit = interruptible((size) => this.#refusalAtLeast(size, budget) === null, signal);
    let fits = leastSize(this.open);
    if (!await mayFit(fits)) return undefined;
    while (await mayFit(2 * fits)) fits *= 2;
    const [less, more] = [fits, 2 * fits].map((size) => this.#outlineOf(size));
    if ("limit" in less || "limit" in more) {
      return await largestWhere(mayFit, { least: fits, most: 2 * fits - 1 });
    }
    // Memory grows almost in proportion, in all and of the largest buffer, so that the answer lies near the straight line that comes first.
    const share = Math.min(
      crossing(less.bufferBytes, more.bufferBytes, budget),
      crossing(less.largestBufferBytes, more.largestBufferBytes, this.adapter.limits.maxBufferSize),
    );
    return await largestWhere(mayFit, { near: fits + Math.floor(share * fits), least: fits });
  }

  /**
   * A size near the largest: packed buffers take a little more than what lives at once, by which no size beyond `most` fits. What is left over, or
   * wanting, tells how far it is to the next guess.
   */
  async #guess(most: number, budget: number, signal?: AbortSignal): Promise<number> {
    const half = Math.max(leastSize(this.open), Math.ceil(most / 2));
    if (half === most) return most;
    const [whole, part] = [most, half].map((size) => (this.#outlineOf(size) as LeastMemory).bufferBytes);
    const bytesPerSize = (whole - part) / (most - half);
    if (bytesPerSize <= 0) return most;
    const leftOver = interruptible((size) => budget - (this.planOf(size)?.bufferBytes ?? budget), signal);
    let guess = most;
    for (let i = 0; i < mostGuesses; i++) {
      const next = guess + Math.floor(await leftOver(guess) / bytesPerSize);
      const within = Math.min(most, Math.max(half, next));
      if (within === guess) break;
      guess = within;
    }
    return guess;
  }

  /** Why a size cannot fit, however its buffers are packed; null if it may. */
  #refusalAtLeast(size: number, budget: number): Refusal | null {
    return this.#refusalIn(this.#outlineOf(size), budget);
  }

  #refusalIn(found: LeastMemory | Refusal, budget: number): Refusal | null {
    if ("limit" in found) return found;
    return orRefusal(() => refuseBeyondRoom(found, { room: budget, limits: this.adapter.limits })) ?? null;
  }

  /** Why no model is of that size; of the smallest it is the user's mistake. */
  #beyondModel(size: number): Refusal | null {
    if (size === leastSize(this.open)) return null;
    const { largest, model, keepPositions } = this.open;
    if (largest === "depth" && size > mostLayers) {
      return refused("program", `A model has at most ${mostLayers} layers`);
    }
    if (
      largest === "sequence" && keepPositions && "positions" in model &&
      inUnits(this.open, size) > model.positions
    ) {
      return refused("positions", `Model "${model.name}" has ${model.positions} positions`);
    }
    const { model: sized, sequence, batch } = stepOf(this.open, size);
    try {
      checkModel(sized, sequence, batch);
      return null;
    } catch (error) {
      if (error instanceof UserError) return refused("program", error.message);
      throw error;
    }
  }
}

/** The largest that fits of so many sizes beyond one, evenly spaced up to the most. */
async function largestOf(
  looks: number,
  size: number,
  most: number,
  fits: (size: number) => Promise<boolean>,
): Promise<number | undefined> {
  const stride = Math.ceil((most - size) / looks);
  for (let larger = most; larger > size; larger -= stride) if (await fits(larger)) return larger;
  return undefined;
}

/** A question that is asked in a turn of its own, so that a signal is heard between two of them: planning itself never waits. */
const interruptible =
  <T>(ask: (size: number) => T, signal?: AbortSignal) => async (size: number): Promise<T> => {
    await new Promise((resolve) => setTimeout(resolve));
    signal?.throwIfAborted();
    return ask(size);
  };

/** Where between two ends a straight line exceeds a limit, as a share of the way; 1 where it does not. */
const crossing = (from: number, to: number, limit: number): number =>
  to > limit ? (limit - from) / (to - from) : 1;

const refused = (limit: FitLimit, message: string): Refusal => ({ limit, message, wantedBytes: null });

/** What an action returns, or refuses for want of memory. */
function orRefusal<T>(action: () => T): T | Refusal {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof OutOfMemoryError)) throw error;
    const { message, room, bytesWanted } = error;
    return { limit: room === undefined ? "buffer" : "memory", message, wantedBytes: bytesWanted };
  }
}
