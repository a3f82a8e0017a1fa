/** A sweep for a card that nobody knows beforehand: the largest models that it can hold, and measure within minutes. */

import { remembered } from "../../kernels/shared/remembered.ts";
import { type BuilderOptions, gpuWith, type ProgramDescription } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { boundBytes, type Dispatch, runsOf } from "../../src/gpu/kernel.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { allFamilies } from "../../src/models/families.ts";
import { type ModelConfig, parameterCount, usualSequence } from "../../src/models/model_config.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { stateBytes, stepDefaults, unusual } from "../../src/train/step_choices.ts";
import { bytes, duration, number, plural } from "../../src/text/format.ts";
import type { SweepOptions } from "./sweep_options.ts";

/** What is known of a card. */
export interface Card {
  /** f32 operations a second in a large product, and bytes a second in a copy. */
  readonly flops: number;
  readonly bytes: number;
  /** Bytes that the buffers of a step may take. */
  readonly memory: number;
  readonly builder?: BuilderOptions;
}

/** How often and how long a sweep looks, whatever its models. */
export type Looks = Omit<SweepOptions, "models" | "sequences" | "batches" | "tokens">;

/** A sweep, and how long it will take. */
export interface FittingSweep {
  readonly models: ModelConfig[];
  readonly batches: number[];
  readonly seconds: number;
}

/** Batch sizes that are tried, the largest that fits is taken; what is smaller says little of a card. */
const batches = [16, 8, 4];
/** Where not even the smallest model fits otherwise. */
const smallestBatches = [2, 1];

/** Seconds that a dispatch takes beyond its work; that a process takes beyond its steps, with each parameter's initial value; that a shape is tuned for. */
const launch = 1e-5;
const process = 3;
const parameter = 1e-8;
const tuning = 1;
/** Products in a step are slower than the largest alone. */
const slower = 1.2;

/** Batches of the validation loss, each about a third of a step. */
const validations = 8;

/**
 * Of each family the largest model whose cells a card can hold under every policy and measure in its share of the time, all at one batch
 * size; of a family too large for the card nothing, but the smallest model of the first. Asks no adapter.
 *
 * @param seconds the time for all
 * @param tune whether the variants of kernels are measured first
 */
export function fittingSweep(card: Card, looks: Looks, seconds: number, tune: boolean): FittingSweep {
  const share = seconds / allFamilies.length;
  const estimateOf = remembered((model: ModelConfig, batch: number) =>
    new Estimate(card, looks, tune, model, batch)
  );
  const found = allFamilies.flatMap(({ presets }) => {
    const largestFirst: ModelConfig[] = Object.values(presets).reverse();
    return first(largestFirst, batches, (model, batch) => {
      const estimate = estimateOf(model, batch);
      return estimate.roughSeconds <= share && estimate.fits && estimate.seconds <= share;
    }) ?? [];
  });
  const [smallest] = Object.values<ModelConfig>(allFamilies[0].presets);
  const chosen = found.length > 0 ? found : [
    first(
      [smallest],
      smallestBatches,
      (model, batch) => estimateOf(model, batch).fits,
    ) ??
      { model: smallest, batch: 1 },
  ];
  const batch = Math.min(...chosen.map(({ batch }) => batch));
  const models = chosen.map(({ model }) => model);
  const parts = models.map((model) => estimateOf(model, batch).seconds);
  return { models, batches: [batch], seconds: parts.reduce((sum, part) => sum + part, 0) };
}

/** What a sweep that fits a card will measure, how long that takes, and what more there is. */
export function describeFitting(
  { flops, bytes: rate, memory }: Card,
  { policies, rounds }: Looks,
  { models, batches: [batch], seconds }: FittingSweep,
): string {
  const named = (all: readonly { name: string }[]) => all.map(({ name }) => name).join(", ");
  return `This card: ${number(flops / 1e12)} TFLOP/s in a product, ${number(rate / 1e9)} GB/s in a copy, ${
    bytes(memory)
  } for buffers\n` +
    `Measuring ${named(models)} at batch ${batch} under ${named(policies)}, ${
      plural(rounds, "round")
    }: about ${duration(seconds)}. More: --model, --batch, or a profile, as in \`bench gpu\``;
}

/** The first model with its first batch size that will do. */
function first(
  models: readonly ModelConfig[],
  batches: readonly number[],
  willDo: (model: ModelConfig, batch: number) => boolean,
): { model: ModelConfig; batch: number } | undefined {
  const pairs = models.flatMap((model) => batches.map((batch) => ({ model, batch })));
  return pairs.find(({ model, batch }) => willDo(model, batch));
}

/** What the cells of one model at one batch size take. */
class Estimate {
  #steps?: ProgramDescription[] | null;

  constructor(
    readonly card: Card,
    readonly looks: Looks,
    readonly tune: boolean,
    readonly model: ModelConfig,
    readonly batch: number,
  ) {}

  /** Seconds for the operations alone that parameters tell, without a plan: never more than by plan. */
  get roughSeconds(): number {
    const tokens = microBatches(this.looks) * this.batch * usualSequence(this.model);
    return this.looks.policies.length * this.#perPolicy(4 * this.#parameters * tokens / this.card.flops);
  }

  /** Whether every policy's buffers fit. */
  get fits(): boolean {
    if (stateBytes(this.looks) * this.#parameters > this.card.memory) return false;
    const steps = this.#plan();
    return steps !== null && steps.every(({ plan }) => plan.bufferBytes <= this.card.memory);
  }

  get seconds(): number {
    const steps = this.#plan() ?? [];
    const shapes = new Set(steps.flatMap(({ variants }) => Object.keys(variants)));
    const cells = steps.map((step) =>
      this.#perPolicy(stepSeconds(step, this.card, microBatches(this.looks)))
    );
    return cells.reduce((sum, cell) => sum + cell, 0) + (this.tune ? tuning * shapes.size : 0);
  }

  get #parameters(): number {
    return parameterCount(this.model);
  }

  /** Seconds of one policy's processes, whose step takes so long. */
  #perPolicy(step: number): number {
    const { warmup, steps, rounds, qualitySteps, seeds, gradientEvery } = this.looks;
    const processes = Math.max(rounds, qualitySteps > 0 ? seeds : 1);
    const compared = gradientEvery > 0 ? qualitySteps / gradientEvery : 0; // each computes the gradient twice more
    const trained = qualitySteps > 0 ? seeds * (qualitySteps + 2 * compared + validations / 3) : 0;
    return processes * (process + parameter * this.#parameters + (warmup + steps) * step) + trained * step;
  }

  /** The steps by policy; null if one is beyond what the adapter can bind. */
  #plan(): ProgramDescription[] | null {
    if (this.#steps !== undefined) return this.#steps;
    const { model, batch, card: { builder = gpuWith(typicalGpuLimits) } } = this;
    try {
      return this.#steps = this.looks.policies.map((policy) =>
        describeStep(
          { model, sequence: usualSequence(model), batch, policy, seed: 0, ...unusual(this.looks) },
          builder,
        )
      );
    } catch (error) {
      if (error instanceof OutOfMemoryError) return this.#steps = null;
      throw error;
    }
  }
}

/** Seconds of a step by its plan: of each dispatch those of its operations or of its bytes, whichever take longer. */
export function stepSeconds(
  { dispatches }: Pick<ProgramDescription, "dispatches">,
  { flops, bytes }: Pick<Card, "flops" | "bytes">,
  microBatches = 1,
): number {
  const total = (of: (dispatch: Dispatch) => number) =>
    dispatches.reduce((sum, dispatch) => sum + runsOf(dispatch, microBatches) * of(dispatch), 0);
  const work = total((dispatch) => Math.max(dispatch.flops / flops, boundBytes(dispatch) / bytes));
  return slower * work + launch * total(() => 1);
}

const microBatches = ({ accumulate = stepDefaults.accumulate }: Looks) => accumulate;
