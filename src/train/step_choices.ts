import { UserError } from "../errors.ts";
import type { Arithmetic } from "../gpu/arithmetic.ts";
import { momentBlock } from "../../kernels/optimizer/adamw.ts";
import type { MomentFormat, ParameterFormat } from "../nn/parameters.ts";
import type { Sharding, Spread } from "../ranks/share.ts";

export const updates = ["step", "backward"] as const;
export const clippings = ["step", "last"] as const;

/** How a step computes and updates, whatever the model, its size and the storage policy: each is a choice of its own. */
export interface StepChoices {
  /** What products compute in. */
  readonly arithmetic?: Arithmetic;
  /** Micro-batches of a step, whose gradients add: each has as many sequences as a batch. */
  readonly accumulate?: number;
  /** What matrices of weights are kept in. */
  readonly parameters?: ParameterFormat;
  /** What Adam's two moments are kept in. */
  readonly moments?: MomentFormat;
  /** When weights are updated: after the whole step, or in backward, so that each gradient lives until its update only. */
  readonly update?: typeof updates[number];
  /** Whose norm gradients are clipped by: that of all of this step's, or of the step before. */
  readonly clipBy?: typeof clippings[number];
  /** Processes that share the step, each with a card of its own, and what they part between them. */
  readonly ranks?: number;
  readonly spread?: Spread;
  /** What each of them keeps a part of, in place of all. */
  readonly sharding?: Sharding;
}

/** What is taken where nothing is said. */
export const stepDefaults: Required<StepChoices> = {
  arithmetic: "f32",
  accumulate: 1,
  parameters: "f32",
  moments: "f32",
  update: "step",
  clipBy: "step",
  ranks: 1,
  spread: "sequence",
  sharding: "none",
};

/** Throws a UserError for choices that contradict each other; `clipNorm` 0 never clips: a remedy where the command `hasClip`, the option. */
export function refuseChoices(
  { accumulate, update, clipBy, clipNorm, ranks, spread, sharding }: StepChoices & {
    readonly clipNorm: number;
  },
  { hasClip = false } = {},
): void {
  if (update === "backward" && (accumulate ?? stepDefaults.accumulate) > 1) {
    throw new UserError(
      "Update in backward uses each gradient up at once, and --accumulate adds gradients up; leave one of them out",
    );
  }
  if (update === "backward" && clipNorm > 0 && clipBy !== "last") {
    throw new UserError(
      "Update in backward cannot clip by a norm of gradients that are not all known yet; give " +
        (hasClip ? "--clip 0, or --clip-by last" : "--clip-by last"),
    );
  }
  if (clipBy === "last" && clipNorm === 0) {
    throw new UserError("--clip-by does nothing with --clip 0; leave one of them out");
  }
  if (spread === "batch" && (ranks ?? stepDefaults.ranks) === 1) {
    throw new UserError("--spread says what ranks share, and there is one; give --ranks, or leave it out");
  }
  if (sharding === "moments" && (ranks ?? stepDefaults.ranks) === 1) {
    throw new UserError(
      "--sharding parts moments between ranks, and there is one, which needs all; give --ranks, or leave it out",
    );
  }
}

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

/** Whether nothing is chosen but, perhaps, what products compute in: weights and moments are f32, updated after the step, of one process. */
export const isPlain = (options: StepChoices): boolean =>
  Object.keys(unusual({ ...options, arithmetic: undefined })).length === 0;

/** The choices of a step by each of some numbers of ranks; without any, as they are. One process has nothing to part. */
export function byRanks<T extends StepChoices>(choices: T, counts: readonly number[] = []): T[] {
  if (counts.length === 0) return [choices];
  const parts = counts.some((ranks) => ranks > 1);
  const ofSeveral = { spread: undefined, sharding: undefined };
  return counts.map((ranks) => ({ ...choices, ranks, ...ranks === 1 && parts && ofSeveral }));
}

/** Bytes that weights, moments and, where they outlive their update, gradients take for each parameter of a matrix. */
export function stateBytes(options: StepChoices): number {
  const { parameters, moments, update, ranks, sharding } = { ...stepDefaults, ...unusual(options) };
  const weight = parameters === "f32" ? 4 : 2;
  const twoMoments = { f32: 8, bf16: 4, "8bit": 2 * (1 + 4 / momentBlock) }[moments];
  return weight + twoMoments / (sharding === "moments" ? ranks : 1) + (update === "backward" ? 0 : 4);
}

/** What ranks share, in words. */
export const sharedWords = { sequence: "every sequence", batch: "batches" } satisfies Record<Spread, string>;

/** What ranks keep parts of, in words. */
export const shardedWords = "Adam's moments sharded between them";

/** The choices that are not the defaults, in words. */
export function describeChoices(options: StepChoices): string[] {
  const { arithmetic, accumulate, parameters, moments, update, clipBy, ranks, spread, sharding } = unusual(
    options,
  );
  return [
    ...arithmetic ? [`products in ${arithmetic}`] : [],
    ...accumulate ? [`${accumulate} micro-batches a step`] : [],
    ...parameters ? [`weights in ${parameters}`] : [],
    ...moments ? [`moments in ${moments === "8bit" ? "8 bits" : moments}`] : [],
    ...update ? ["update in backward"] : [],
    ...clipBy ? ["clipping by the last step's norm"] : [],
    ...ranks ? [`${ranks} ranks that share ${sharedWords[spread ?? stepDefaults.spread]}`] : [],
    ...sharding ? [shardedWords] : [],
  ];
}
