import { adamw } from "../../kernels/adamw.ts";
import { gradientNorm } from "../../kernels/gradient_norm.ts";
import { type BuilderOptions, ProgramBuilder, type ProgramDescription } from "../gpu/builder.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { gpt2Logits, gpt2Loss } from "../models/gpt2.ts";
import { checkGpt2 } from "../models/gpt2_config.ts";
import type { ParameterSet } from "../nn/parameters.ts";
import { Tape } from "../nn/tape.ts";
import { Savings, type StoragePolicy } from "../storage/policy.ts";
import type { BatchTensors } from "./batch_tensors.ts";
import { trainDefaults, type TrainOptions } from "./options.ts";

/** One training step: forward, loss, backward, gradient norm, clipping, AdamW. Needs no adapter. */
export function describeTraining(
  options: TrainOptions,
  parameters: ParameterSet,
  tensors: BatchTensors,
  policy: StoragePolicy,
  builderOptions: BuilderOptions,
): ProgramDescription {
  const { betas, epsilon, weightDecay, clipNorm } = { ...trainDefaults, ...options };
  const { model, sequence, headChunkTokens } = options;
  checkGpt2(model, sequence);
  const builder = new ProgramBuilder("train", builderOptions);
  const tape = new Tape(builder, new Savings(builder, policy));
  gpt2Loss(tape, model, parameters, tensors, options, headChunkTokens);
  const clip = builder.tensor("clip factor", 1, 1, { category: "control" });
  gradientNorm(builder, parameters.runs.map((run) => run.gradient), tensors.normRing, clip, clipNorm);
  adamw(builder, parameters.runs, clip, { betas, epsilon, weightDecay });
  return builder.build();
}

/** Forward and mean loss of a batch. Saves nothing, so no range estimate moves. */
export function describeEvaluation(
  options: TrainOptions,
  parameters: ParameterSet,
  tensors: BatchTensors,
  builderOptions: BuilderOptions,
): ProgramDescription {
  const builder = new ProgramBuilder("evaluate", builderOptions);
  gpt2Loss(
    new Tape(builder, undefined),
    options.model,
    parameters,
    tensors,
    options,
    options.headChunkTokens,
  );
  return builder.build();
}

/** Forward of one sequence of `sequence` tokens, and the logits (1×V) of one of its rows. */
export function describeGeneration(
  options: TrainOptions,
  parameters: ParameterSet,
  tensors: BatchTensors,
  sequence: number,
  builderOptions: BuilderOptions,
): { description: ProgramDescription; logits: Tensor } {
  const builder = new ProgramBuilder("generate", builderOptions);
  const logits = builder.tensor("logits", 1, options.model.vocab, { category: "head" });
  gpt2Logits(new Tape(builder, undefined), options.model, parameters, tensors, sequence, logits);
  return { description: builder.build(), logits };
}
