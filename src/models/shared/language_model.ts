import {
  embeddingForward,
  positionBackward,
  type TokenTensors,
  wordBackward,
} from "../../../kernels/embedding/embedding.ts";
import { gatherRow } from "../../../kernels/embedding/gather_row.ts";
import { clear } from "../../../kernels/optimizer/clear.ts";
import { matmul } from "../../../kernels/products/matmul.ts";
import { plain } from "../../gpu/operand.ts";
import { rowsOf, type Tensor } from "../../gpu/tensor.ts";
import type { SequencePart } from "../../nn/attention_by_heads.ts";
import { type Layer, operator } from "../../nn/layer.ts";
import type { Parameter } from "../../nn/parameters.ts";
import type { Tape } from "../../nn/tape.ts";
import { headKey, type HeadTensors, tiedHead } from "../../nn/tied_head.ts";

/** Sizes of a batch, or of the part of every sequence that a rank has. */
export interface BatchShape {
  readonly batch: number;
  readonly sequence: number;
  readonly part?: SequencePart;
}

/** The tensors that a batch of tokens arrives in, and the rings that results go to. */
export interface LanguageTensors extends TokenTensors, HeadTensors {}

/** A model that continues texts. */
export interface LanguageModel {
  /** Tokens (N×1) to what the head reads (N×C). */
  trunk(tokens: TokenTensors, shape: BatchShape): Layer;
  /** The head's words (V×C): the embedding's, where the two are tied. */
  readonly head: Parameter;
}

/** Tokens (N×1) to the residual stream (N×C): a row of the word table each, and one of learned positions where there are any. */
export function embedding(
  words: Parameter,
  positions: Parameter | undefined,
  tokens: TokenTensors,
  { sequence, part }: BatchShape,
): Layer {
  return operator("embedding", (tape, x) => {
    const { builder } = tape;
    const stream = tape.transient("residual stream", x.exact.tensor.rows, words.cols);
    embeddingForward(builder, tokens, words.value, positions?.value, stream, sequence, part?.first);
    tape.uses(words, ...positions ? [positions] : []);
    return {
      y: { exact: plain(stream) },
      backward: (d) => {
        tape.gradients([words], ({ tensor, add }) => wordBackward(builder, tokens, d, tensor, add));
        if (positions) {
          tape.gradients([positions], ({ tensor, add }) => {
            // Positions beyond the sequence are not written: what is planned holds what others left there, what ranks sum the last sum.
            if ((!tensor.home || part) && !add) clear(builder, tensor);
            positionBackward(builder, d, tensor, sequence, add, part?.first);
          });
        }
        return d;
      },
    };
  });
}

/** Emits forward, the mean loss, and, in training, backward into the parameters' gradients. */
export function languageLoss(
  tape: Tape,
  { trunk, head }: LanguageModel,
  tensors: LanguageTensors,
  shape: BatchShape,
): void {
  const { builder } = tape;
  const ids = { exact: plain(tensors.tokens) };
  const { y, backward } = builder.within({ pass: "forward" }, () => trunk(tensors, shape)(tape, ids));
  const headBackward = tiedHead(tape, y.exact, head, tensors);
  if (!tape.training) return;
  const dy = headBackward();
  builder.within({ pass: "backward" }, () => backward(dy));
}

/** Emits forward of one sequence and `logits` (1×V), those of the row that the step block names. */
export function languageLogits(
  tape: Tape,
  { trunk, head }: LanguageModel,
  tokens: TokenTensors,
  sequence: number,
  logits: Tensor,
): void {
  const ids = { exact: plain(rowsOf(tokens.tokens, 0, sequence)) };
  const { y } = trunk(tokens, { batch: 1, sequence })(tape, ids);
  const row = tape.transient("row", 1, head.cols);
  gatherRow(tape.builder, y.exact, row);
  matmul(tape.builder, "nt", plain(row), plain(head.value), logits, {
    scaling: tape.scaling(headKey, "forward"),
  });
}
