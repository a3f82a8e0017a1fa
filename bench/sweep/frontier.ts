/** Storage policies with every choice of a step: all by plan, and which of them are worth measuring. */

import { arithmetics } from "../../src/gpu/arithmetic.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { momentFormats, parameterFormats } from "../../src/nn/parameters.ts";
import { type StepChoices, stepDefaults, unusual, updates } from "../../src/train/step_choices.ts";
import type { PlannedCombination } from "../results/run_header.ts";
import { planStep } from "./planned_step.ts";
import type { Shape } from "./shapes.ts";
import type { Combination, SweepOptions } from "./sweep_options.ts";

/** What is combined: of each of these choices the value that the sweep names, else every one that there is. */
const axes = ["parameters", "moments", "update", "arithmetic"] as const;

/** Every combination of a step's choices that such an adapter offers, beside what the sweep chooses itself; its own first. */
export function choicesOver(own: StepChoices, { matrices }: Pick<BuilderOptions, "matrices">): StepChoices[] {
  const values = <T>(named: T | undefined, all: readonly T[]) => named === undefined ? all : [named];
  // An update in backward uses each gradient up at once, before others add to it or its step's norm is known.
  const atEnd = (own.accumulate ?? stepDefaults.accumulate) > 1 || own.clipBy === "step";
  const { accumulate, clipBy, ranks, spread, sharding } = own;
  return values(own.arithmetic, matrices ? arithmetics : [stepDefaults.arithmetic]).flatMap((arithmetic) =>
    values(own.update, atEnd ? [stepDefaults.update] : updates).flatMap((update) =>
      values(own.parameters, parameterFormats).flatMap((parameters) =>
        values(own.moments, momentFormats).map((moments) =>
          unusual({
            ...{ accumulate, arithmetic, parameters, moments, update, ranks, spread, sharding },
            clipBy: update === "backward" ? clipBy ?? "last" : clipBy,
          })
        )
      )
    )
  );
}

/** The choices in which a combination differs from what a sweep chooses itself. */
const differences = (choices: StepChoices, own: StepChoices) =>
  axes.filter((axis) => (choices[axis] ?? stepDefaults[axis]) !== (own[axis] ?? stepDefaults[axis]));

const words = {
  parameters: ({ parameters = stepDefaults.parameters }) => `${parameters} weights`,
  moments: ({ moments = stepDefaults.moments }) => `${moments === "8bit" ? "8-bit" : moments} moments`,
  update: ({ update = stepDefaults.update }) => update === "backward" ? "in backward" : "after the step",
  arithmetic: ({ arithmetic = stepDefaults.arithmetic }) => arithmetic,
} satisfies Record<typeof axes[number], (choices: StepChoices) => string>;

/** "mst8 + bf16 weights + in backward": a policy with what differs from the sweep's own choices. */
const nameOf = (policy: string, choices: StepChoices, own: StepChoices): string =>
  [policy, ...differences(choices, own).map((axis) => words[axis](choices))].join(" + ");

/** The choices of a step at one model and size, under which every policy is planned. */
export interface Choosing {
  readonly shape: Shape;
  readonly choices: StepChoices;
}

/** Each choice of a step at each of some models and sizes, as a sweep combines them. */
export const choosings = (
  shapes: readonly Shape[],
  own: SweepOptions,
  adapter: BuilderOptions,
): Choosing[] => shapes.flatMap((shape) => choicesOver(own, adapter).map((choices) => ({ shape, choices })));

/** Plans every policy of a sweep by such choices. */
export const planCombinations = (
  { shape: { model, sequence, batch }, choices }: Choosing,
  { policies, memory, ...own }: SweepOptions,
  adapter: BuilderOptions,
): PlannedCombination[] =>
  policies.map((policy) => {
    const step = { model, sequence, batch, policy, seed: 0, ...choices };
    const { memory: bytes, seconds, refusal } = planStep(step, adapter, memory);
    const name = nameOf(policy.name, choices, own);
    return {
      ...{ model: model.name, sequence, batch, name, policy: policy.name, ...choices },
      ...{ memory: bytes, seconds, fits: refusal === null },
    };
  });

/**
 * The combinations of one model and size that are measured beside the policies, at most `most` of all together:
 *
 * 1. each choice alone with the first policy;
 * 2. of each arithmetic in turn, what fits and is beaten by plan by nothing in that arithmetic: no other has as few bytes, as short a
 *    step by its policy's operations and bytes, and keeps activations and weights in as many bits. What weights and moments cost in time lies
 *    within what a plan cannot tell. First the smallest, then always the one whose bytes lie furthest from those that were taken. Each brings
 *    its policy alone in that arithmetic, whose gradient is compared.
 */
export function chosen(planned: readonly PlannedCombination[], options: SweepOptions): Combination[] {
  const { policies, frontier, ...own } = options;
  const isPlain = (one: PlannedCombination) => differences(one, own).length === 0;
  const [first] = policies;
  const taken = new Set(planned.filter(isPlain));
  const room = () => Math.max(0, (frontier?.most ?? 0) - taken.size);
  const alone = planned.filter((one) => one.policy === first.name && differences(one, own).length === 1);
  for (const one of alone.slice(0, room())) taken.add(one);
  const companionOf = ({ policy, arithmetic }: PlannedCombination) =>
    planned.find((one) =>
      one.policy === policy && one.arithmetic === arithmetic &&
      differences(one, own).every((axis) => axis === "arithmetic")
    )!;
  const costsOf = (one: PlannedCombination) => {
    const { seconds } = companionOf(one);
    const { bits } = policies.find(({ name }) => name === one.policy)!;
    if (!one.fits || !one.memory || seconds === null) return null;
    const weightBits = (one.parameters ?? stepDefaults.parameters) === "f32" ? 32 : 16;
    return [one.memory.bufferBytes, seconds, -bits, -weightBits];
  };
  const classes = [...Map.groupBy(planned, ({ arithmetic }) => arithmetic).values()];
  for (const next of byTurns(classes.map((all) => spreadOut(unbeaten(all, costsOf))))) {
    const both = [...new Set([companionOf(next), next])].filter((one) => !taken.has(one));
    if (both.length > room()) continue;
    for (const one of both) taken.add(one);
  }
  return planned.filter((one) => taken.has(one) && !isPlain(one))
    .map(({ name, policy, ...one }) => ({ name, policy, choices: unusual(one) }));
}

/** The first of each list, then the second of each, and so on. */
function byTurns<T>(lists: readonly (readonly T[])[]): T[] {
  const most = Math.max(...lists.map(({ length }) => length));
  return Array.from({ length: most }, (_, turn) => lists.flatMap((list) => list.slice(turn, turn + 1)))
    .flat();
}

/** What no other beats by plan in all that it costs; of equals the first. What has no costs does not fit. */
function unbeaten(
  planned: readonly PlannedCombination[],
  costsOf: (one: PlannedCombination) => number[] | null,
): PlannedCombination[] {
  const known = planned.flatMap((one) => {
    const costs = costsOf(one);
    return costs ? [{ one, costs }] : [];
  });
  return known.filter(({ costs }, place) =>
    !known.some((other, otherPlace) => {
      const differences = costs.map((cost, i) => cost - other.costs[i]);
      return differences.every((difference) => difference >= 0) &&
        (differences.some((difference) => difference > 0) || otherPlace < place);
    })
  ).map(({ one }) => one);
}

/** The smallest first, then always the one whose bytes lie furthest from those before it. */
function spreadOut(all: readonly PlannedCombination[]): PlannedCombination[] {
  const size = ({ memory }: PlannedCombination) => Math.log(memory!.bufferBytes);
  const left = all.toSorted((a, b) => size(a) - size(b));
  const ordered = left.splice(0, 1);
  const distance = (one: PlannedCombination) =>
    Math.min(...ordered.map((other) => Math.abs(size(one) - size(other))));
  while (left.length > 0) {
    const furthest = left.reduce((best, one) => distance(one) > distance(best) ? one : best);
    ordered.push(...left.splice(left.indexOf(furthest), 1));
  }
  return ordered;
}
