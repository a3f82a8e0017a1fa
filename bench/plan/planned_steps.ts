import { UserError } from "../../src/errors.ts";
import type { BuilderOptions, Variants } from "../../src/gpu/builder.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { bytes, bytesLess } from "../../src/text/format.ts";
import { type DescribedStep, describeStep } from "../../src/train/plan_training.ts";
import { idleRulesNote } from "../../src/storage/policy_document.ts";
import { variantsOfFile } from "../../src/tuning/tuned_variants.ts";
import { names } from "../report/side_by_side.ts";
import type { PlannedOptions } from "./lower_peak.ts";
import { smallerSizes } from "./smaller.ts";

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

/** What could be planned, and what could not. */
export interface FoundSteps {
  readonly planned: readonly PlannedStep[];
  readonly unbound: readonly UnboundStep[];
}

/**
 * Plans steps for an adapter of that title, with the variants of kernels that a file sets if there is one. Throws a UserError if the
 * adapter can bind none of them, and for what contradicts itself.
 */
export function planSteps(
  steps: readonly PlannedOptions[],
  adapter: BuilderOptions,
  title: string,
  variantsFile?: string,
): FoundSteps {
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
  if (planned.length === 0) {
    throw new UserError(beyondLimits({ planned, unbound }, adapter, title).join("; "));
  }
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
  { planned, unbound }: FoundSteps,
  { limits: { maxBufferSize } }: BuilderOptions,
  adapter: string,
): string[] {
  const tooLarge = planned.filter(({ description: { plan } }) => plan.largestBufferBytes > maxBufferSize);
  const bySize = Map.groupBy(tooLarge, ({ options }) => titleOf(options));
  const alike = Map.groupBy(unbound, ({ options, error }) => `${titleOf(options)}: ${error.message}`);
  return [
    ...[...bySize].map(([title, steps]) => {
      const largest = Math.max(...steps.map(({ description }) => description.plan.largestBufferBytes));
      const whole = steps.every(({ options: { policy } }) => policy.mini_sequences.mlp === "whole");
      return `${title}: a step under ${listOf(steps)} wants a buffer of ${
        bytes(largest)
      }, and the largest of ${adapter} has ${bytesLess(largest, maxBufferSize)}; take ${
        smallerSizes(steps[0].options)
      }` +
        (whole ? ", or a --policy with mini-sequences, such as mst8" : "");
    }),
    ...[...alike.values()].map((steps) => {
      const [{ options, error }] = steps;
      return `${titleOf(options)}: a step under ${listOf(steps)} cannot be bound on ${adapter}: ` +
        `${error.message}; take ${smallerSizes(options)}` + (planned.length > 0 ? ", or leave it out" : "");
    }),
  ];
}

/** A step's policy, and which of its rules hold for nothing there. */
export interface RuledStep {
  readonly options: Pick<PlannedOptions, "policy">;
  readonly description: Pick<DescribedStep, "idleRules">;
}

/** Sentences about rules of policies that hold for nothing in any of these steps. */
export function idleRules(steps: readonly RuledStep[]): string[] {
  const byPolicy = Map.groupBy(steps, ({ options }) => options.policy.name);
  return [...byPolicy].flatMap(([name, steps]) => {
    const [first, ...others] = steps.map(({ description }) => description.idleRules);
    return idleRulesNote(name, first.filter((rule) => others.every((idle) => idle.includes(rule))));
  });
}

const titleOf = ({ model, sequence, batch, accumulate }: PlannedOptions) =>
  names({ model: model.name, sequence, batch, choices: { accumulate } }).join(", ");

const listOf = (steps: readonly Pick<PlannedStep, "options">[]) =>
  steps.map(({ options }) => options.policy.name).join(", ");
