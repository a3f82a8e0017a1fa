/**
 * The 8-bit storage of Mesa (Pan et al., arXiv 2111.11124) as a plain reference, in float32: every operation is rounded with Math.fround,
 * so that codes can be compared byte for byte with a kernel that does the same operations in the same order.
 *
 * Tensors are dense [rows, cols]; a group is a contiguous chunk of cols/groups channels over all rows. Unlike the authors' code, codes
 * are clamped at both ends: under a running range a value above it would otherwise wrap around.
 */

const f32 = Math.fround;

type Values = Float32Array | Float64Array;

/** Smallest and largest value of each group, [groups]. */
export interface GroupExtremes {
  minimum: Float32Array;
  maximum: Float32Array;
}

/** Running estimates of each group, [groups]: α, the range, and β, the minimum. */
export interface RangeState {
  range: Float32Array;
  minimum: Float32Array;
}

/** What quantizing and dequantizing read by channel, [cols]. */
export interface ChannelTables {
  scale: Float32Array;
  shift: Float32Array;
  inverse: Float32Array;
}

/** Extremes of each group of x [rows, cols], after rounding x to float32. `groups` must divide `cols`. */
export function groupRange(x: Values, rows: number, cols: number, groups: number): GroupExtremes {
  const size = channelsPerGroup(cols, groups);
  const minimum = new Float32Array(groups).fill(Infinity);
  const maximum = new Float32Array(groups).fill(-Infinity);
  for (let i = 0; i < rows * cols; i++) {
    const group = Math.floor((i % cols) / size);
    minimum[group] = Math.min(minimum[group], x[i]);
    maximum[group] = Math.max(maximum[group], x[i]);
  }
  return { minimum, maximum };
}

/**
 * Estimates that the observed batch is quantized with. First step: α = max − min, β = min. Later the old estimate moves towards the
 * observed one, α ← α + (1−λ)·(r − α), and β likewise; 1−λ is the float32 difference of 1 and the float32 λ.
 */
export function advanceRange(
  state: RangeState | undefined,
  { minimum, maximum }: GroupExtremes,
  lambda: number,
): RangeState {
  const range = maximum.map((value, group) => f32(value - minimum[group]));
  if (!state) return { range, minimum: minimum.slice() };
  const weight = f32(1 - f32(lambda));
  const towards = (old: number, observed: number) => f32(old + f32(f32(observed - old) * weight));
  return {
    range: state.range.map((old, group) => towards(old, range[group])),
    minimum: state.minimum.map((old, group) => towards(old, minimum[group])),
  };
}

/** Tables by channel: scale = α/255, shift = β, inverse = 255/α; a group without a range (α = 0) has scale and inverse 0. */
export function channelTables(state: RangeState, cols: number, groups: number): ChannelTables {
  const size = channelsPerGroup(cols, groups);
  const byChannel = (value: (group: number) => number) =>
    Float32Array.from({ length: cols }, (_, col) => value(Math.floor(col / size)));
  return {
    scale: byChannel((group) => f32(state.range[group] / 255)),
    shift: byChannel((group) => state.minimum[group]),
    inverse: byChannel((group) => state.range[group] > 0 ? f32(255 / state.range[group]) : 0),
  };
}

/**
 * Codes of x [rows, cols], rounded to nearest: q = clamp(⌊(x − shift)·inverse + 0.5⌋, 0, 255).
 *
 * @returns `codes` [rows, cols] and `clipped`, the number of elements that the clamp changed
 */
export function quantizeNearest(
  x: Values,
  rows: number,
  cols: number,
  { shift, inverse }: ChannelTables,
): { codes: Uint8Array; clipped: number } {
  const codes = new Uint8Array(rows * cols);
  let clipped = 0;
  for (let i = 0; i < codes.length; i++) {
    const offset = f32(f32(x[i]) - shift[i % cols]);
    const level = Math.floor(f32(f32(offset * inverse[i % cols]) + 0.5));
    codes[i] = Math.max(0, Math.min(255, level));
    if (codes[i] !== level) clipped++;
  }
  return { codes, clipped };
}

/** x̂ = q·scale + shift, as float64 numbers that hold float32 values, [rows, cols]. */
export function dequantize(
  codes: Uint8Array,
  rows: number,
  cols: number,
  { scale, shift }: ChannelTables,
): Float64Array {
  const x = new Float64Array(rows * cols);
  for (let i = 0; i < x.length; i++) x[i] = f32(f32(codes[i] * scale[i % cols]) + shift[i % cols]);
  return x;
}

/** What 16-bit storage gives back of x: rounded to float32, then to the nearest float16 (ties to even) within ±65504. */
export function halfRound(x: number): number {
  return Math.f16round(Math.max(-65504, Math.min(65504, f32(x))));
}

function channelsPerGroup(cols: number, groups: number): number {
  if (cols % groups !== 0) throw new RangeError(`${groups} groups do not divide ${cols} channels`);
  return cols / groups;
}
