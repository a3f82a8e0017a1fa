import { pcg } from "../../kernels/shared/pcg.ts";
/**
 * The storage of Mesa (Pan et al., arXiv 2111.11124) in 8 bits, or fewer, as a plain reference, in float32: every operation is rounded with
 * Math.fround, so that codes can be compared byte for byte with a kernel that does the same operations in the same order.
 *
 * Tensors are dense [rows, cols]; a group is a contiguous chunk of cols/groups channels over all rows. A range for each token (and each
 * of `parts` chunks of its channels) is the same thing over the tensor as one row: [1, rows·cols] in rows·parts groups. Unlike the authors' code, codes
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

/** What quantizing and dequantizing read: by channel, [cols], or by element, [rows·cols]. */
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

/**
 * Tables by channel for L = 2^bits − 1 steps: scale = α/L, shift = β, inverse = L/α; a group without a range (α = 0) has scale and
 * inverse 0.
 */
export function channelTables(state: RangeState, cols: number, groups: number, bits = 8): ChannelTables {
  const size = channelsPerGroup(cols, groups);
  const levels = 2 ** bits - 1;
  const byChannel = (value: (group: number) => number) =>
    Float32Array.from({ length: cols }, (_, col) => value(Math.floor(col / size)));
  return {
    scale: byChannel((group) => f32(state.range[group] / levels)),
    shift: byChannel((group) => state.minimum[group]),
    inverse: byChannel((group) => state.range[group] > 0 ? f32(levels / state.range[group]) : 0),
  };
}

/** What stochastic rounding adds to the levels of [rows, cols] elements, by element, in place of 1/2: from 1/512 to 511/512. */
export function roundingNumbers(
  rows: number,
  cols: number,
  { seed, stream }: { seed: number; stream: number },
): Float32Array {
  const vectors = Math.ceil(cols / 4);
  const key = pcg(pcg(stream) ^ seed);
  return Float32Array.from({ length: rows * cols }, (_, i) => {
    const [row, col] = [Math.floor(i / cols), i % cols];
    const random = pcg(pcg(row * vectors + Math.floor(col / 4)) ^ key);
    return ((random >>> (8 * (col % 4))) % 256 + 0.5) / 256;
  });
}

/** Codes, [rows, cols], and the number of elements that the clamp changed. */
export interface QuantizedValues {
  codes: Uint8Array;
  clipped: number;
}

/** Codes of x [rows, cols]: q = clamp(⌊(x − shift)·inverse + u⌋, 0, 2^bits − 1), `u` by element. */
export function quantize(
  x: Values,
  rows: number,
  cols: number,
  { shift, inverse }: ChannelTables,
  u: (element: number) => number,
  bits = 8,
): QuantizedValues {
  const codes = new Uint8Array(rows * cols);
  let clipped = 0;
  for (let i = 0; i < codes.length; i++) {
    const channel = i % shift.length;
    const offset = f32(f32(x[i]) - shift[channel]);
    const level = Math.floor(f32(f32(offset * inverse[channel]) + u(i)));
    codes[i] = Math.max(0, Math.min(2 ** bits - 1, level));
    if (codes[i] !== level) clipped++;
  }
  return { codes, clipped };
}

/** Codes of x [rows, cols], rounded to nearest, halves up. */
export function quantizeNearest(
  x: Values,
  rows: number,
  cols: number,
  tables: ChannelTables,
  bits = 8,
): QuantizedValues {
  return quantize(x, rows, cols, tables, () => 0.5, bits);
}

/** x̂ = q·scale + shift, as float64 numbers that hold float32 values, [rows, cols]. */
export function dequantize(
  codes: Uint8Array,
  rows: number,
  cols: number,
  { scale, shift }: Omit<ChannelTables, "inverse">,
): Float64Array {
  const channels = scale.length;
  return Float64Array.from(
    { length: rows * cols },
    (_, i) => f32(f32(codes[i] * scale[i % channels]) + shift[i % channels]),
  );
}

/** What 16-bit storage gives back of x: rounded to float32, then to the nearest float16 (ties to even) within ±65504. */
export function halfRound(x: number): number {
  return Math.f16round(Math.max(-65504, Math.min(65504, f32(x))));
}

function channelsPerGroup(cols: number, groups: number): number {
  if (cols % groups !== 0) throw new RangeError(`${groups} groups do not divide ${cols} channels`);
  return cols / groups;
}
