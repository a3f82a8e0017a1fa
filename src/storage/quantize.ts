import type { ProgramBuilder } from "../gpu/builder.ts";
import { floatWord } from "../gpu/kernel.ts";
import { stepTensor } from "../gpu/step_block.ts";
import type { Store, Tensor } from "../gpu/tensor.ts";
import quantizeText from "./quantize.wgsl" with { type: "text" };
import partialText from "./range_partial.wgsl" with { type: "text" };
import updateText from "./range_update.wgsl" with { type: "text" };

/** Rows that one workgroup looks over for the extremes of their columns. */
const rowsPerChunk = 128;

/**
 * The range estimates of one saved tensor, which outlive the step: a vector (range, minimum, set, 0) for each group, and one more whose
 * first word counts clipped elements.
 */
export function rangeEstimates(name: string, groups: number): Tensor {
  const bytes = (groups + 1) * 16;
  const store: Store = { name: `${name} range estimates`, category: "ranges", bytes };
  return {
    name: store.name,
    dtype: "f32",
    rows: groups + 1,
    cols: 4,
    stride: 4,
    category: "ranges",
    home: { store, offset: 0 },
  };
}

/** Scale, shift and 1/scale of each channel: a snapshot that stays as it is until backward has read the codes. */
export function channelTables(builder: ProgramBuilder, x: Tensor): Tensor {
  return builder.tensor(`${x.name} tables`, x.stride / 4, 12, { category: "ranges" });
}

/**
 * Emits the observation of x's ranges: estimates move by `rate` = 1 − λ towards this batch's (the first batch sets them; rate 1 forgets
 * the past), and `tables` follow. Clears the count of clipped elements.
 */
export function updateRanges(
  builder: ProgramBuilder,
  x: Tensor,
  estimates: Tensor,
  tables: Tensor,
  groups: number,
  rate: number,
): void {
  if (x.cols % groups !== 0) {
    throw new RangeError(`${groups} groups do not divide the ${x.cols} channels of ${x.name}`);
  }
  const chunks = Math.ceil(x.rows / rowsPerChunk);
  const extremes = builder.tensor(`${x.name} extremes`, 2 * chunks, x.cols, { category: "transient" });
  for (const window of builder.windows([x], rowsPerChunk)) {
    const count = Math.ceil(window.rows / rowsPerChunk);
    builder.dispatch({
      kernel: { label: "range_partial", code: partialText, constants: { stride: x.stride / 4 } },
      bindings: [
        { group: 0, index: 1, tensor: x, access: "read", ...window },
        { group: 0, index: 2, tensor: extremes, access: "write" },
      ],
      parameters: [window.rows, rowsPerChunk, window.first / rowsPerChunk],
      workgroups: Math.ceil(x.stride / 64) * count,
      flops: 2 * window.rows * x.cols,
    });
  }
  builder.dispatch({
    kernel: {
      label: "range_update",
      code: updateText,
      constants: { cols: x.cols, stride: x.stride, groups_of_channels: groups },
    },
    bindings: [
      { group: 0, index: 1, tensor: extremes, access: "read" },
      { group: 0, index: 2, tensor: estimates, access: "update" },
      { group: 0, index: 3, tensor: tables, access: "write" },
    ],
    parameters: [chunks, floatWord(rate)],
    workgroups: groups,
    flops: 2 * chunks * x.cols,
  });
}

/** Emits codes (N×C bytes) of x by its tables. `stream` tells the random bits of this tensor from those of others. */
export function quantize(
  builder: ProgramBuilder,
  x: Tensor,
  tables: Tensor,
  codes: Tensor,
  estimates: Tensor,
  options: { stochastic: boolean; stream: number },
): void {
  const stride = x.stride / 4;
  const counter = (estimates.rows - 1) * 4;
  for (const window of builder.windows([x])) {
    const words = window.rows * stride;
    builder.dispatch({
      kernel: {
        label: "quantize",
        code: quantizeText,
        constants: { stride, stochastic: Number(options.stochastic), counter },
      },
      bindings: [
        { group: 0, index: 1, tensor: stepTensor, access: "read" },
        { group: 0, index: 2, tensor: x, access: "read", ...window },
        { group: 0, index: 3, tensor: tables, access: "read" },
        { group: 0, index: 4, tensor: codes, access: "write", ...window },
        { group: 0, index: 5, tensor: estimates, access: "update" },
      ],
      parameters: [words, window.first * stride, options.stream],
      workgroups: Math.ceil(words / 64),
      flops: 16 * words,
    });
  }
}
