import { normal } from "../../kernels/initialization/normal.ts";
import { clear } from "../../kernels/optimizer/clear.ts";
import { adamw } from "../../kernels/optimizer/adamw.ts";
import { clipByLast, GradientNorm, gradientNorm } from "../../kernels/optimizer/gradient_norm.ts";
import { endOfStep } from "../../kernels/products/scales.ts";
import { type BuilderOptions, ProgramBuilder, type ProgramDescription } from "../gpu/builder.ts";
import { gathers } from "../gpu/over_ranks.ts";
import { wholly } from "../gpu/pieces.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { type Describe, describeWithinPeak } from "../gpu/within_peak.ts";
import { type Parameter, type ParameterSet, updateOf } from "../nn/parameters.ts";
import { Tape, type Update } from "../nn/tape.ts";
import type { StoragePolicy } from "../storage/policy.ts";
import { trainDefaults, type TrainOptions } from "./options.ts";
import { refuseChoices, type StepChoices, stepDefaults } from "./step_choices.ts";
import { sumOverRanks, sums } from "./sums_over_ranks.ts";
import { type Generation, ring, type Task } from "./task.ts";

/** The norm of all gradients, one a step. */
export const normRing = ring("gradient norm of each step");

/**
 * One training step: forward, loss, backward, gradient norm, clipping, AdamW. Needs no adapter. Of several micro-batches it runs once for
 * each: gradients are cleared before the first, and the weights are updated after the last.
 */
export function describeTraining(
  options: TrainOptions,
  task: Task,
  parameters: ParameterSet,
  policy: StoragePolicy,
  builderOptions: BuilderOptions,
  describe: Describe = describeWithinPeak,
): ProgramDescription {
  const all = { ...trainDefaults, ...stepDefaults, ...options };
  refuseChoices(all);
  const { betas, epsilon, weightDecay, clipNorm, accumulate, update, clipBy, ranks, rank = 0 } = all;
  const constants = { betas, epsilon, weightDecay };
  return describe("train", builderOptions, (builder) => {
    const clip = builder.tensor("clip factor", 1, 1, { category: "control" });
    const last = { operator: "AdamW", pass: "update", microBatch: "last" } as const;
    const inBackward = update === "backward"
      ? new GradientNorm(builder, parameters.all.map(({ gradient }) => gradient))
      : undefined;
    if (inBackward || clipBy === "last") {
      builder.within(last, () => clipByLast(builder, normRing, clip, clipNorm));
    }
    const updated = gathers(builder, rank);
    /** What ranks have updated in parts goes to all. */
    const share = ({ sharded }: Parameter) => sharded && updated.add(sharded.parts.map(wholly));
    const tape = emitGradients(builder, task, parameters, policy, {
      accumulate,
      ranks,
      rank,
      update: inBackward && ((parameter, gradient) =>
        builder.within(last, () => {
          if (ranks > 1) sumOverRanks(builder, [gradient], { rank, size: ranks });
          inBackward.add(gradient);
          adamw(builder, [updateOf(parameter, gradient)], clip, constants);
          share(parameter);
        })),
    });
    const without = parameters.all.find((parameter) => !tape.completed(parameter));
    if (without) throw new Error(`The gradient of ${without.name} is not complete`);
    builder.within(last, () => {
      // The factor that this step's own norm makes is nobody's where clipping goes by the last one's.
      const own = clipBy === "last" ? builder.tensor("own clip factor", 1, 1, { category: "control" }) : clip;
      if (inBackward) inBackward.end(normRing, own, clipNorm);
      else {
        gradientNorm(builder, parameters.gradients, normRing, own, clipNorm);
        adamw(builder, parameters.updates, clip, constants);
        parameters.all.forEach(share);
      }
      updated.end();
    });
    endOfStep(builder);
  });
}

/**
 * Emits forward, loss and backward. Of several micro-batches each adds to the gradients, which are cleared before the first. Where ranks share
 * the step, the sum of all their gradients is in the place of each one's own.
 */
function emitGradients(
  builder: ProgramBuilder,
  task: Task,
  parameters: ParameterSet,
  policy: StoragePolicy,
  { accumulate = stepDefaults.accumulate, ranks = stepDefaults.ranks, rank = 0, update }: Shared & {
    readonly update?: Update;
  },
): Tape {
  const clears = accumulate > 1;
  if (clears) {
    builder.within({ operator: "AdamW", pass: "update", microBatch: "first" }, () => {
      for (const gradient of parameters.gradients) clear(builder, gradient);
    });
  }
  const summed = ranks > 1 && !update ? sums(builder, { rank, size: ranks }) : undefined;
  const summing = (work: () => void) => builder.within({ operator: "ranks", microBatch: "last" }, work);
  const completed = ({ gradient }: Parameter) => summing(() => summed?.add(gradient));
  const tape = Tape.training(builder, policy, { accumulate: clears, update, completed });
  task.loss(tape, parameters);
  tape.settle();
  summing(() => summed?.end());
  return tape;
}

/** What a step's gradients are the sum of: micro-batches, and ranks. */
type Shared = Pick<StepChoices, "accumulate" | "ranks"> & { readonly rank?: number };

/** A tensor that begins with normal numbers of mean 0. */
export interface Normals {
  readonly tensor: Tensor;
  readonly deviation: number;
  readonly stream: number;
}

/** Normal numbers into tensors that have homes. */
export function describeNormals(
  tensors: readonly Normals[],
  builderOptions: BuilderOptions,
): ProgramDescription {
  const builder = new ProgramBuilder("initialize", builderOptions);
  for (const { tensor, deviation, stream } of tensors) normal(builder, tensor, deviation, stream);
  return builder.build();
}

/** Forward, loss and backward alone, by the kernels of a training step: the gradients of a batch, or of micro-batches, and no step. */
export function describeGradients(
  task: Task,
  parameters: ParameterSet,
  policy: StoragePolicy,
  builderOptions: BuilderOptions,
  shared: Shared = {},
): ProgramDescription {
  return describeWithinPeak("gradients", builderOptions, (builder) => {
    emitGradients(builder, task, parameters, policy, shared);
    endOfStep(builder);
  });
}

/** Forward and mean loss of a batch. Keeps nothing, so no range estimate moves; of the policy only its mini-sequences count. */
export function describeEvaluation(
  task: Task,
  parameters: ParameterSet,
  policy: StoragePolicy,
  builderOptions: BuilderOptions,
): ProgramDescription {
  const builder = new ProgramBuilder("evaluate", builderOptions);
  task.loss(Tape.evaluation(builder, policy), parameters);
  return builder.build();
}

/** Forward of one sequence of `sequence` tokens, and the logits (1×V) of one of its rows. */
export function describeGeneration(
  generation: Generation,
  parameters: ParameterSet,
  sequence: number,
  builderOptions: BuilderOptions,
): { description: ProgramDescription; logits: Tensor } {
  const builder = new ProgramBuilder("generate", builderOptions);
  const logits = builder.tensor("logits", 1, generation.vocab, { category: "head" });
  generation.logits(Tape.evaluation(builder), parameters, sequence, logits);
  return { description: builder.build(), logits };
}
