import type { TokenBatch } from "../data/batches.ts";
import { UserError } from "../errors.ts";
import type { Gpt2Config } from "../models/gpt2/config.ts";
import { gpt2Initial } from "../models/gpt2/initialize.ts";
import { gpt2Logits, gpt2Loss, type Gpt2Tensors } from "../models/gpt2/model.ts";
import { gpt2Parameters } from "../models/gpt2/parameters.ts";
import { trainDefaults, type TrainOptions } from "./options.ts";
import { column, type PackedBatch, ring, type Task } from "./task.ts";

/** The task of training a GPT-2 to continue texts. */
export function gpt2Task(model: Gpt2Config, options: TrainOptions): Task {
  const { batch, sequence, decay = trainDefaults.decay } = options;
  const tensors = gpt2Tensors(batch * sequence, model.vocab);
  return {
    lossRing: tensors.lossRing,
    parameters: gpt2Parameters(model, decay),
    initial: (shape) => gpt2Initial(shape, model),
    loss: (tape, parameters) => gpt2Loss(tape, model, parameters, tensors, options),
    pack(given) {
      if ("inputs" in given) return packTokens(given, tensors);
      throw new UserError(`Model "${model.name}" reads tokens; give it texts`);
    },
    generation: {
      vocab: model.vocab,
      tokens: tensors.tokens,
      logits: (tape, parameters, length, logits) =>
        gpt2Logits(tape, model, parameters, tensors, length, logits),
    },
  };
}

/** Describes the tensors of batches of `rows` tokens over `vocab` words. */
export function gpt2Tensors(rows: number, vocab: number): Gpt2Tensors {
  return {
    tokens: column("tokens", rows, "head"),
    order: column("rows by token", rows, "head"),
    starts: column("first row of each token", vocab + 1, "head"),
    targets: column("targets", rows, "head"),
    lossRing: ring("loss of each step"),
  };
}

/** The target that counts nowhere. */
const ignored = -100;

/**
 * Sorts the rows of a batch by token (a counting sort, so equal tokens stay in order) and counts the valid targets. Throws a UserError that
 * names the first id outside the vocabulary.
 */
export function packTokens({ inputs, targets }: TokenBatch, tensors: Gpt2Tensors): PackedBatch {
  const vocab = tensors.starts.rows - 1;
  checkTokens(inputs, vocab);
  checkTokens(targets, vocab, ignored);
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
    valid: targets.reduce((count, word) => count + Number(word !== ignored), 0),
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
