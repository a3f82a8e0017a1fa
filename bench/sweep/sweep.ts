import { largestSeed } from "../../src/data/random.ts";
import { UserError } from "../../src/errors.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { byRanks, type StepChoices, unusual } from "../../src/train/step_choices.ts";
import { type CellConfiguration, modelFields } from "../results/results.ts";
import { recipe } from "./recipe.ts";
import { ofLength, refuseSameNames, type Shape, shapes } from "./shapes.ts";
import type { Combination, PerModel, SweepOptions } from "./sweep_options.ts";

/** Processes of the longest sweep: hours of them, and planned in seconds. */
const mostCells = 10_000;

/** Throws a UserError for more processes than a sweep can have. */
export function refuseEndless(cells: number): void {
  if (cells <= mostCells) return;
  throw new UserError(
    `The sweep has ${cells} processes, more than the ${mostCells} of one run; take fewer --rounds or --seeds, ` +
      "or fewer models, lengths, batches and policies",
  );
}

function refuseSeedsBeyond(first: number, seeds: number): void {
  const last = first + seeds - 1;
  if (last <= largestSeed) return;
  throw new UserError(
    `The ${seeds} seeds from ${first} end beyond ${largestSeed}, the largest there is; take a smaller --seed`,
  );
}

/** Throws a UserError where gradients that are to be compared do not live until then. */
function refuseUncompared({ update, qualitySteps, gradientEvery }: SweepOptions): void {
  if (update !== "backward" || qualitySteps === 0 || gradientEvery === 0) return;
  throw new UserError(
    "--gradient-every compares gradients, of which none outlives its update in backward; give --gradient-every 0",
  );
}

/** Whether a policy is the reference that gradients are compared with. */
export const isReference = (
  { bits, attention, rules, recompute, mini_sequences: { mlp, head, head_gradients } }: PolicyDocument,
) =>
  bits === 32 && attention === "fused" && rules.length === 0 && !recompute &&
  mlp === "whole" && head === "auto" && head_gradients === "forward";

/**
 * Whether a cell's gradient is its own. What weights and moments are kept in, and when they are updated, changes no gradient of given weights,
 * so that a combination by such choices has that of its policy in its arithmetic.
 */
function hasOwnGradient(cell: StepChoices, own: StepChoices): boolean {
  const [states, plain] = [cell, own].map(({ arithmetic: _, ...choices }) => unusual(choices));
  return JSON.stringify(states) === JSON.stringify(plain);
}

/** Rounds of a sweep that looks at speed closely enough for drift to matter. */
export const roundsForDrift = 3;

/**
 * The processes of a sweep, in order: comparison by comparison, and within one the policies in turn, round by round and every other round
 * backwards (A B C, C B A, …), so that what drifts, and who comes first, meets all policies alike. The first `seeds` rounds measure
 * quality, each from a seed of its own; later ones only time. Where there are three rounds or more, the first cell is timed once more at
 * the end. Throws a UserError if two models or two policies share a name, for more processes than a sweep can have, and for seeds that are
 * none.
 */
export function planSweep(
  options: SweepOptions,
  lengths: PerModel = options.sequences,
  combinationsAt: (shape: Shape) => readonly Combination[] = () => options.combinations ?? [],
): CellConfiguration[] {
  const { policies, qualitySteps: steps, seeds } = options;
  const all = shapes(options.models, lengths, options.batches, options).flatMap((shape) =>
    byRanks(options, options.rankCounts).map((own) => ({ ...shape, own }))
  );
  const count = Math.max(options.rounds, steps > 0 ? seeds : 1);
  const chaos = { name: "exact-other-variants", policy: "exact", kernels: "other" as const };
  const triedAt = ({ own, ...shape }: typeof all[number]) => {
    const others = [
      ...options.nullOfChaos ? [chaos] : [],
      ...combinationsAt(shape).map(({ choices, ...of }) => ({ ...of, ...choices, beside: unusual(own) })),
    ].flatMap(({ name, policy, ...kernels }) => {
      const storage = policies.find((document) => document.name === policy);
      return storage ? [{ storage: { ...storage, name }, ...kernels }] : [];
    });
    const tried = [...policies.map((storage) => ({ storage })), ...others];
    refuseSameNames("policies", tried.map(({ storage }) => storage));
    return { ...shape, own, tried };
  };
  const drift = count < roundsForDrift ? 0 : 1;
  const whole = all.map(triedAt);
  refuseEndless(whole.reduce((sum, { tried }) => sum + tried.length * count, drift));
  refuseSeedsBeyond(options.seed, Math.min(seeds, count));
  refuseUncompared(options);
  const rounds = Array.from({ length: count }, (_, round) => round);
  const cells = whole.flatMap(({ model, sequence, batch, own, tried }) =>
    rounds.flatMap((round) => {
      const common = cellFields({ model, sequence, batch }, round, own);
      const turn = round % 2 === 0 ? tried : tried.toReversed();
      return turn.map(({ storage, ...kernels }) => {
        const cell = { ...common, policy: storage.name, storage, ...kernels };
        const owns = hasOwnGradient(cell, own);
        // A frontier trains for gradients alone.
        const qualitySteps = owns || !options.frontier ? common.qualitySteps : 0;
        const compares = qualitySteps > 0 && owns &&
          !(isReference(storage) && cell.arithmetic === undefined);
        return { ...cell, qualitySteps, gradientEvery: compares ? options.gradientEvery : 0 };
      });
    })
  );
  return drift ? [...cells, onceMore(cells[0], count)] : cells;
}

/** What a process of a sweep is told of a round, but for its policy. */
export function cellFields(
  { model, sequence, batch }: Shape,
  round: number,
  options: SweepOptions,
): Omit<CellConfiguration, "policy" | "storage" | "gradientEvery"> {
  const { seeds, seed, qualitySteps, warmup, steps } = options;
  const trains = round < seeds;
  return {
    ...modelFields(options.growing || options.longest ? ofLength(model, sequence) : model),
    sequence,
    batch,
    seed: seed + (trains ? round : 0),
    ...recipe(model, qualitySteps, options),
    ...unusual(options),
    warmupSteps: warmup,
    timedSteps: steps,
    qualitySteps: trains ? qualitySteps : 0,
    round,
  };
}

/** A cell as it is timed after all others, in a round of its own. */
export const onceMore = (cell: CellConfiguration, round: number): CellConfiguration => ({
  ...cell,
  qualitySteps: 0,
  gradientEvery: 0,
  round,
  again: true,
});
