import { keepingThreadsFor } from "../../kernels/shared/elementwise.ts";
import pcgText from "../../kernels/shared/pcg.wgsl" with { type: "text" };
import type { ProgramBuilder } from "../gpu/builder.ts";
import type { DeviceLimits } from "../gpu/limits.ts";
import type { Operand } from "../gpu/operand.ts";
import { stepTensor, stepText } from "../gpu/step_block.ts";
import type { Tensor } from "../gpu/tensor.ts";
import type { Category } from "../memory/category.ts";
import { type CodeBits, codesOf, readByChannel, readByToken, wordsOf } from "./codes.ts";
import encodingText from "./encode.wgsl" with { type: "text" };
import extremesText from "./extremes.wgsl" with { type: "text" };
import gatherText from "./gather_codes.wgsl" with { type: "text" };
import quantizeText from "./quantize.wgsl" with { type: "text" };
import observeText from "./quantize_observe.wgsl" with { type: "text" };
import tokensText from "./quantize_tokens.wgsl" with { type: "text" };
import quantizersText from "./quantizers.wgsl" with { type: "text" };
import spanText from "./workgroup_extremes.wgsl" with { type: "text" };
import {
  advance,
  type ChannelRanges,
  channelTables,
  extremesOf,
  observe,
  rateOf,
  tilesOf,
} from "./ranges.ts";

const encodeText = pcgText + encodingText;

/** How the numbers of a tensor become codes. */
export interface Rounding {
  readonly bits: CodeBits;
  readonly rounding: "stochastic" | "nearest";
  /** Tells the random bits of this tensor from those of others. */
  readonly stream: number;
  /** What the codes are booked as. */
  readonly category: Category;
}

/** How the ranges of groups of channels follow the batches. */
export interface Following {
  readonly ranges: "current" | "running" | "delayed";
  readonly lambda: number;
}

/**
 * Emits the passes that store x (N×C) by ranges of groups of channels, and returns how to read it. `estimates` advance with it.
 *
 * `running` and `current` are three dispatches: x's extremes, then estimates and tables, then codes. `delayed` is two, and x is read once:
 * codes by the estimates that the batches before have left, together with x's extremes; then the tables of these very estimates, for
 * backward, and new estimates for the next batch. Its first run has extremes and estimates of its own batch in front, as `running` would.
 */
export function storeByChannels(
  builder: ProgramBuilder,
  x: Tensor,
  estimates: Tensor,
  options: Rounding & Following,
): Operand {
  const { bits, ranges, lambda, category } = options;
  const groups = estimates.rows - 1;
  const extremes = extremesOf(builder, x);
  const tables = channelTables(builder, x);
  const codes = codesOf(builder, x, bits, category);
  const by: ChannelRanges = { groups, bits, extremes, estimates, tables };
  const rate = ranges === "current" ? 1 : rateOf(lambda);
  if (ranges === "delayed") {
    observe(builder, x, extremes, { first: true });
    advance(builder, x, by, rate, "begin", { first: true });
    quantizeAndObserve(builder, x, codes, by, options);
    advance(builder, x, by, rate, "after");
  } else {
    observe(builder, x, extremes);
    advance(builder, x, by, rate, "before");
    quantize(builder, x, codes, by, options);
  }
  return readByChannel({ bits, codes, tables });
}

/** Emits codes of x by its tables, and counts what lies outside its range. */
function quantize(
  builder: ProgramBuilder,
  x: Tensor,
  codes: Tensor,
  { groups, tables, estimates }: ChannelRanges,
  { bits, rounding, stream }: Rounding,
): void {
  const stride = x.stride / 4;
  for (const window of builder.windows([x])) {
    const words = Math.ceil(window.rows / 4) * wordsOf(codes, bits).row; // of four rows each
    builder.dispatch({
      kernel: {
        label: "quantize",
        code: stepText + encodeText + quantizeText,
        constants: { bits, stochastic: Number(rounding === "stochastic"), stride, counter: 4 * groups },
      },
      bindings: [
        { group: 0, index: 1, tensor: stepTensor, access: "read" },
        { group: 0, index: 2, tensor: x, access: "read", ...window },
        { group: 0, index: 3, tensor: tables, access: "read" },
        { group: 0, index: 4, tensor: codes, access: "write", ...window },
        { group: 0, index: 5, tensor: estimates, access: "update" },
      ],
      parameters: { rows: window.rows, first_vector: window.first * stride, stream },
      workgroups: Math.ceil(words / 64),
      flops: 16 * window.rows * stride,
    });
  }
}

/** Emits codes of x by the estimates as they stand, x's extremes, and the count of what lies outside the estimates. */
function quantizeAndObserve(
  builder: ProgramBuilder,
  x: Tensor,
  codes: Tensor,
  { groups, extremes, estimates }: ChannelRanges,
  { bits, rounding, stream }: Rounding,
): void {
  const stride = x.stride / 4;
  const { lanes, chunk } = tilesOf(x);
  const groupSize = x.cols / groups;
  for (const window of builder.windows([x], chunk)) {
    builder.dispatch({
      kernel: {
        label: "quantize_observe",
        code: stepText + encodeText + extremesText + quantizersText + gatherText + observeText,
        constants: {
          bits,
          stochastic: Number(rounding === "stochastic"),
          cols: x.cols,
          stride,
          lanes,
          groups_of_channels: groups,
          group_size: groupSize,
          groups_kept: Math.min(groups, 4 * lanes),
        },
      },
      bindings: [
        { group: 0, index: 1, tensor: stepTensor, access: "read" },
        { group: 0, index: 2, tensor: x, access: "read", ...window },
        { group: 0, index: 3, tensor: extremes, access: "write" },
        { group: 0, index: 4, tensor: codes, access: "write", ...window },
        { group: 0, index: 5, tensor: estimates, access: "update" },
      ],
      parameters: {
        rows: window.rows,
        chunk,
        first_chunk: window.first / chunk,
        first_vector: window.first * stride,
        stream,
      },
      workgroups: Math.ceil(stride / lanes) * Math.ceil(window.rows / chunk),
      flops: 18 * window.rows * stride,
    });
  }
}

/** The most parts of a row that `storeByTokens` takes: their ranges, of 8 bytes, lie in a workgroup's memory beside 24 bytes a thread. */
export const mostTokenParts = ({ maxComputeWorkgroupStorageSize }: DeviceLimits): number =>
  Math.floor((maxComputeWorkgroupStorageSize - 24 * 256) / 8);

/**
 * Emits the pass that stores x (N×C) by a range for each row of each of its `parts`, and returns how to read it. The ranges are this
 * batch's own, so that nothing lies outside them; they are kept with the codes, 8 bytes each.
 */
export function storeByTokens(
  builder: ProgramBuilder,
  x: Tensor,
  parts: number,
  { bits, rounding, stream, category }: Rounding,
): Operand {
  const codes = codesOf(builder, x, bits, category);
  const tables = builder.tensor(`${x.name} tables`, x.rows, 2 * parts, {
    category,
    stride: 2 * parts,
  });
  const stride = x.stride / 4;
  for (const window of builder.windows([x, tables])) {
    builder.dispatch({
      kernel: {
        label: "quantize_tokens",
        code: stepText + encodeText + quantizersText + gatherText + spanText + tokensText,
        constants: {
          bits,
          stochastic: Number(rounding === "stochastic"),
          cols: x.cols,
          stride,
          parts,
          group_size: x.cols / parts,
          groups_kept: parts,
          threads: keepingThreadsFor(builder, stride),
        },
      },
      bindings: [
        { group: 0, index: 1, tensor: stepTensor, access: "read" },
        { group: 0, index: 2, tensor: x, access: "read", ...window },
        { group: 0, index: 3, tensor: tables, access: "write", ...window },
        { group: 0, index: 4, tensor: codes, access: "write", ...window },
      ],
      parameters: { rows: window.rows, first_row: window.first, stream },
      workgroups: window.rows,
      flops: 18 * window.rows * stride,
    });
  }
  return readByToken({ bits, codes, tables }, parts);
}
