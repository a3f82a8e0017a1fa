import type { BuilderOptions, Variants } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { bytes } from "../../src/text/format.ts";
import { type DescribedStep, describeStep } from "../../src/train/plan_training.ts";
import { idleRulesNote } from "../../src/storage/policy_document.ts";
import { variantsOfFile } from "../../src/tuning/tuned_variants.ts";
import { names } from "../report/side_by_side.ts";
import type { PlannedOptions } from "./lower_peak.ts";

/** A step and its program. */
export interface PlannedStep {
  readonly options: PlannedOptions;
  readonly description: DescribedStep;
}

/** A step that such an adapter cannot run, however much memory it has, and why. */
export interface UnboundStep {
  readonly options: PlannedOptions;
  readonly error: OutOfMemoryError;
}

/**
 * Plans steps, with the variants of kernels that a file sets if there is one. Throws the first's OutOfMemoryError if the adapter can bind
 * none of them, and a UserError for what contradicts itself.
 */
export function planSteps(
  steps: readonly PlannedOptions[],
  adapter: BuilderOptions,
  variantsFile?: string,
): { planned: readonly PlannedStep[]; unbound: readonly UnboundStep[] } {
  const unbound: UnboundStep[] = [];
  const planned = steps.flatMap((options): PlannedStep[] => {
    try {
      return [{ options, description: describeStep(options, adapter) }];
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      unbound.push({ options, error });
      return [];
    }
  });
  if (planned.length === 0) throw unbound[0].error;
  if (variantsFile === undefined) return { planned, unbound };
  const programs = planned.map(({ options }) => (variants?: Variants) =>
    describeStep({ ...options, variants }, adapter)
  );
  const given = variantsOfFile(variantsFile, programs);
  return {
    planned: planned.map(({ options }, i) => ({
      options: { ...options, variants: given[i] },
      description: programs[i](given[i]),
    })),
    unbound,
  };
}

/** Sentences about what exceeds the adapter's limits, each with the remedy. */
export function beyondLimits(
  { planned, unbound }: ReturnType<typeof planSteps>,
  { limits: { maxBufferSize } }: BuilderOptions,
  adapter: string,
): string[] {
  const tooLarge = planned.filter(({ description: { plan } }) => plan.largestBufferBytes > maxBufferSize);
  const bySize = Map.groupBy(tooLarge, ({ options }) => titleOf(options));
  return [
    ...[...bySize].map(([title, steps]) => {
      const largest = Math.max(...steps.map(({ description }) => description.plan.largestBufferBytes));
      const whole = steps.some(({ options: { policy } }) => policy.mini_sequences.mlp === "whole");
      const wanted = `a step under ${listOf(steps)} wants a buffer of ${bytes(largest)}`;
      return `${title}: ${wanted}, and the largest of ${adapter} has ${bytes(maxBufferSize)}; take ` +
        smaller(steps[0].options) + (whole ? ", or a --policy with mini-sequences, such as mst8" : "");
    }),
    ...unbound.map(({ options, error }) =>
      `${titleOf(options)}: a step under ${options.policy.name} cannot be bound on ${adapter}: ` +
      `${error.message}; take ${smaller(options)}, or leave it out`
    ),
  ];
}

/** Sentences about rules of policies that hold for nothing in any of these steps. */
export function idleRules({ planned }: ReturnType<typeof planSteps>): string[] {
  const byPolicy = Map.groupBy(planned, ({ options }) => options.policy.name);
  return [...byPolicy].flatMap(([name, steps]) => {
    const [first, ...others] = steps.map(({ description }) => description.idleRules);
    return idleRulesNote(name, first.filter((rule) => others.every((idle) => idle.includes(rule))));
  });
}

const titleOf = ({ model, sequence, batch, accumulate }: PlannedOptions) =>
  names({ model: model.name, sequence, batch, choices: { accumulate } }).join(", ");

const listOf = (steps: readonly PlannedStep[]) => steps.map(({ options }) => options.policy.name).join(", ");

const smaller = ({ batch }: PlannedOptions) =>
  batch > 1 ? "a smaller --batch or --sequence" : "a smaller --sequence";
