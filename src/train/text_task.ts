import { ignored, type TokenBatch } from "../data/batches.ts";
import { UserError } from "../errors.ts";
import type { Gpt2Config } from "../models/gpt2/config.ts";
import { gpt2Model } from "../models/gpt2/model.ts";
import { gpt2Parameters } from "../models/gpt2/parameters.ts";
import type { LlamaConfig } from "../models/llama/config.ts";
import { llamaModel } from "../models/llama/model.ts";
import { llamaParameters } from "../models/llama/parameters.ts";
import { decoderInitial } from "../models/shared/decoder_initial.ts";
import {
  type BatchShape,
  languageLogits,
  languageLoss,
  type LanguageModel,
  type LanguageTensors,
} from "../models/shared/language_model.ts";
import type { ParameterSet } from "../nn/parameters.ts";
import { ownValues, partOf, type Share, shareOf } from "../ranks/share.ts";
import { trainDefaults, type TrainOptions } from "./options.ts";
import { column, type PackedBatch, ring, type Task } from "./task.ts";

/** The task of training a GPT-2 to continue texts. */
export function gpt2Task(model: Gpt2Config, options: TrainOptions): Task {
  return textTask(model, options, {
    parameters: gpt2Parameters(model, options.decay ?? trainDefaults.decay),
    initial: (shape) => decoderInitial(shape, model),
  }, (parameters) => gpt2Model(model, parameters));
}

/** The task of training a Llama to continue texts. */
export function llamaTask(model: LlamaConfig, options: TrainOptions): Task {
  return textTask(model, options, {
    parameters: llamaParameters(model, options.decay ?? trainDefaults.decay),
    initial: (shape) => decoderInitial(shape, model),
  }, (parameters) => llamaModel(model, parameters));
}

/** The task of training a model to continue texts. */
function textTask(
  model: { readonly name: string; readonly vocab: number },
  options: TrainOptions,
  parameters: Pick<Task, "parameters" | "initial">,
  modelOf: (parameters: ParameterSet) => LanguageModel,
): Task {
  const share = shareOf(options);
  const shape = ownShape(options, share);
  const tensors = textTensors(shape.batch * shape.sequence, model.vocab);
  return {
    ...parameters,
    lossRing: tensors.lossRing,
    loss: (tape, parameters) => languageLoss(tape, modelOf(parameters), tensors, shape),
    pack(given) {
      if (!("inputs" in given)) throw new UserError(`Model "${model.name}" reads tokens; give it texts`);
      const [wanted, { inputs, targets }] = [options.batch * options.sequence, given];
      if (inputs.length !== wanted || targets.length !== wanted) {
        throw new RangeError(
          `A batch of ${inputs.length} tokens and ${targets.length} targets is not ${wanted}`,
        );
      }
      return packTokens(given, tensors, options.batch, share);
    },
    generation: {
      vocab: model.vocab,
      tokens: tensors.tokens,
      logits: (tape, parameters, length, logits) =>
        languageLogits(tape, modelOf(parameters), tensors, length, logits),
    },
  };
}

/** The sizes of what a rank has of each batch. */
function ownShape({ batch, sequence }: TrainOptions, share?: Share): BatchShape {
  if (!share) return { batch, sequence };
  if (share.over === "batch") return { batch: partOf(batch, share).count, sequence };
  const { first, count } = partOf(sequence, share);
  return { batch, sequence: count, part: { ...share, whole: sequence, first } };
}

/** Describes the tensors of batches of `rows` tokens over `vocab` words. */
export function textTensors(rows: number, vocab: number): LanguageTensors {
  return {
    tokens: column("tokens", rows, "head"),
    order: column("rows by token", rows, "head"),
    starts: column("first row of each token", vocab + 1, "head"),
    targets: column("targets", rows, "head"),
    lossRing: ring("loss of each step"),
  };
}

/**
 * Sorts the rows of a batch of so many sequences by token (a counting sort, so equal tokens stay in order) and counts the valid targets. Of a batch that ranks share it
 * packs this rank's rows, and counts all targets. Throws a UserError that names the first id outside the vocabulary.
 */
export function packTokens(
  whole: TokenBatch,
  tensors: LanguageTensors,
  batch = 1,
  share?: Share,
): PackedBatch {
  const vocab = tensors.starts.rows - 1;
  checkTokens(whole.inputs, vocab);
  checkTokens(whole.targets, vocab, ignored);
  const [inputs, targets] = [ownValues(whole.inputs, batch, share), ownValues(whole.targets, batch, share)];
  const starts = new Uint32Array(vocab + 1);
  for (const word of inputs) starts[word + 1]++;
  for (let w = 0; w < vocab; w++) starts[w + 1] += starts[w];
  const order = new Uint32Array(inputs.length);
  const next = starts.slice();
  inputs.forEach((word, row) => order[next[word]++] = row);
  return {
    contents: [[tensors.tokens, inputs], [tensors.order, order], [tensors.starts, starts], [
      tensors.targets,
      targets,
    ]],
    valid: whole.targets.reduce((count, word) => count + Number(word !== ignored), 0),
  };
}

/** Throws a UserError that names the first id outside the vocabulary, unless it is `except`. */
export function checkTokens(ids: ArrayLike<number>, vocab: number, except?: number): void {
  for (let i = 0; i < ids.length; i++) {
    if ((ids[i] >= 0 && ids[i] < vocab) || ids[i] === except) continue;
    throw new UserError(
      `Token id ${
        ids[i]
      } at position ${i} is outside the vocabulary of ${vocab} words; give data of this model's tokenizer`,
    );
  }
}
