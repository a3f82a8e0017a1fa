import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { plain } from "../../src/gpu/operand.ts";
import { inWindows } from "../../src/gpu/operand_windows.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import positionText from "./embedding_backward_position.wgsl" with { type: "text" };
import wordText from "./embedding_backward_word.wgsl" with { type: "text" };
import forwardText from "./embedding_forward.wgsl" with { type: "text" };
import positionsText from "./embedding_positions.wgsl" with { type: "text" };
import wordsText from "./embedding_words.wgsl" with { type: "text" };

/** Token ids of a batch, N×1 in u32, and the same rows sorted by token: what the gradient of the word table is summed from. */
export interface TokenTensors {
  readonly tokens: Tensor;
  /** Row numbers in the order of their tokens, N×1. */
  readonly order: Tensor;
  /** For each word, and once more at the end, where its rows begin in `order`: (V+1)×1. */
  readonly starts: Tensor;
}

/**
 * Emits x (N×C) = words[token] + positions[firstPosition + row mod sequence], or the words alone. The tables are in f32, bf16 or f16.
 */
export function embeddingForward(
  builder: ProgramBuilder,
  { tokens }: TokenTensors,
  words: Tensor,
  positions: Tensor | undefined,
  x: Tensor,
  sequence: number,
  firstPosition = 0,
): void {
  const stride = x.stride / 4;
  const wordsCode = plain(words).code("words", 1);
  // A sequence's positions may be anywhere in theirs.
  const places = positions && inWindows(plain(positions), builder.windows([positions]));
  for (const window of builder.windows([x])) {
    for (const table of builder.windows([words])) {
      builder.dispatch({
        kernel: places
          ? {
            label: "embedding_forward",
            code: wordsCode + places.code("positions", 2) + positionsText + forwardText,
            constants: { stride, sequence, first_position: firstPosition },
          }
          : { label: "embedding_forward", code: wordsCode + wordsText + forwardText, constants: { stride } },
        bindings: [
          { group: 0, index: 1, tensor: tokens, access: "read", ...window },
          { group: 0, index: 2, tensor: x, access: "write", ...window },
          ...plain(words).bindings(1, table),
          ...places ? places.bindings(2) : [],
        ],
        parameters: {
          rows: window.rows,
          first_row: window.first,
          first_word: table.first,
          words: table.rows,
        },
        workgroups: Math.ceil(window.rows * stride / elementThreads),
        flops: window.rows * x.cols,
      });
    }
  }
}

/** Emits dWords[w] = (or += with `accumulate`) the sum of dx (N×C) over the rows whose token is w. */
export function wordBackward(
  builder: ProgramBuilder,
  { order, starts }: TokenTensors,
  dx: Tensor,
  dWords: Tensor,
  accumulate: boolean,
): void {
  const stride = dx.stride / 4;
  for (const window of builder.windows([dx])) {
    for (const table of builder.windows([dWords])) {
      builder.dispatch({
        kernel: { label: "embedding_backward_word", code: wordText, constants: { stride } },
        bindings: [
          { group: 0, index: 1, tensor: starts, access: "read" },
          { group: 0, index: 2, tensor: order, access: "read" },
          { group: 0, index: 3, tensor: dx, access: "read", ...window },
          { group: 0, index: 4, tensor: dWords, access: "update", ...table },
        ],
        parameters: {
          first_word: table.first,
          words: table.rows,
          first_row: window.first,
          rows: window.rows,
          accumulate: Number(accumulate || window.first > 0),
        },
        workgroups: table.rows * Math.ceil(stride / 64),
        flops: window.rows * dx.cols,
      });
    }
  }
}

/**
 * Emits dPositions[firstPosition + t] = (or += with `accumulate`) the sum over sequences of dx (N×C) at place t; other rows stay as they are.
 */
export function positionBackward(
  builder: ProgramBuilder,
  dx: Tensor,
  dPositions: Tensor,
  sequence: number,
  accumulate: boolean,
  firstPosition = 0,
): void {
  const stride = dx.stride / 4;
  for (const table of builder.windows([dPositions])) {
    const first = Math.max(firstPosition, table.first);
    const count = Math.min(firstPosition + sequence, table.first + table.rows) - first;
    if (count <= 0) continue;
    for (const window of builder.windows([dx], sequence)) {
      builder.dispatch({
        kernel: {
          label: "embedding_backward_position",
          code: positionText,
          constants: { sequence_vectors: sequence * stride },
        },
        bindings: [
          { group: 0, index: 1, tensor: dx, access: "read", ...window },
          { group: 0, index: 2, tensor: dPositions, access: "update", ...table },
        ],
        parameters: {
          sequences: window.rows / sequence,
          vectors: count * stride,
          first_read: (first - firstPosition) * stride,
          first_written: (first - table.first) * stride,
          accumulate: Number(accumulate || window.first > 0),
        },
        workgroups: Math.ceil(count * stride / elementThreads),
        flops: window.rows / sequence * count * dx.cols,
      });
    }
  }
}
