import type { Arithmetic } from "../gpu/arithmetic.ts";
import type { MomentFormat } from "../nn/parameters.ts";

/** How a step computes and updates, whatever the model, its size and the storage policy: each is a choice of its own. */
export interface StepChoices {
  /** What products compute in. */
  readonly arithmetic?: Arithmetic;
  /** Micro-batches of a step, whose gradients add: each has as many sequences as a batch. */
  readonly accumulate?: number;
  /** What Adam's two moments are kept in. */
  readonly moments?: MomentFormat;
}

/** What is taken where nothing is said. */
export const stepDefaults: Required<StepChoices> = { arithmetic: "f32", accumulate: 1, moments: "f32" };

/** Of some options the choices that are not the defaults: what a record tells. */
export function unusual(options: StepChoices): StepChoices {
  const names = Object.keys(stepDefaults) as (keyof StepChoices)[];
  return Object.fromEntries(
    names.flatMap((name) =>
      (options[name] ?? stepDefaults[name]) === stepDefaults[name] ? [] : [[
        name,
        options[name],
      ]]
    ),
  );
}

/** The choices that are not the defaults, in words. */
export function describeChoices(options: StepChoices): string[] {
  const { arithmetic, accumulate, moments } = unusual(options);
  return [
    ...arithmetic ? [`products in ${arithmetic}`] : [],
    ...accumulate ? [`${accumulate} micro-batches a step`] : [],
    ...moments ? [`moments in ${moments === "8bit" ? "8 bits" : moments}`] : [],
  ];
}
