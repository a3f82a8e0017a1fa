import { OperandScales } from "../gpu/operand_scales.ts";
import type { BuilderOptions, ProgramDescription } from "../gpu/builder.ts";
import { type Describe, describeByTables } from "../gpu/within_peak.ts";
import { type LeastMemory, leastMemory } from "../memory/plan.ts";
import { ParameterSet } from "../nn/parameters.ts";
import { describeTraining } from "./describe.ts";
import { policyOf, type TrainOptions } from "./options.ts";
import { taskOf } from "./task_of.ts";

/** The program of a training step, and what it trains. */
export interface DescribedStep extends ProgramDescription {
  readonly parameterSet: ParameterSet;
  /** Rules of the policy that hold for nothing which the step keeps. */
  readonly idleRules: readonly number[];
}

/** The program of a training step on such an adapter. None is asked. */
export function describeStep(
  options: TrainOptions,
  adapter: BuilderOptions,
  describe?: Describe,
): DescribedStep {
  const task = taskOf(options);
  const parameterSet = new ParameterSet(task.parameters, adapter.limits, options);
  const { variants, arithmetic } = options;
  const builder = { ...adapter, variants, arithmetic, scales: new OperandScales() };
  const policy = policyOf(options);
  const description = describeTraining(options, task, parameterSet, policy, builder, describe);
  return Object.assign(description, { parameterSet, idleRules: policy.idleRules });
}

/**
 * Bytes below which no plan of a training step can go. Of two recordings it needs the first, and it packs nothing: for who looks at many steps
 * and plans few. With `describeLeanest` it is a bound that grows with every size.
 */
export function leastOfStep(
  options: TrainOptions,
  adapter: BuilderOptions,
  describe: Describe = describeByTables,
): LeastMemory {
  const { claims, standing } = describeStep(options, adapter, describe);
  return leastMemory(claims, standing);
}
