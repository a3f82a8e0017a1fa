import { UserError } from "../../errors.ts";
import type { ParameterShape } from "../../nn/parameters.ts";
import type { NamedTensor } from "../../io/safetensors.ts";
import { showShape } from "../../io/safetensors_header.ts";

/** What makes a parameter's values, rows×cols, of a checkpoint's. Throws a `UserError` that names the tensor which is not finite. */
export type ReadParameter = () => Float32Array<ArrayBuffer>;

/**
 * Picks a model's parameters out of the tensors of a checkpoint, in the order of `parameters`; no data are looked at before a parameter is read.
 * Throws a `UserError` that names the tensor which is missing, unexpected, of the wrong shape or not of floats; `model` says whose
 * parameters they are ("a GPT-2 of 12 layers"), `source` names the file.
 */
export function pickParameters(
  tensors: ReadonlyMap<string, NamedTensor>,
  parameters: readonly ParameterShape[],
  model: string,
  source: string,
): Map<string, ReadParameter> {
  const known = new Set(parameters.flatMap(inCheckpoints).map(({ name }) => name));
  for (const name of tensors.keys()) {
    if (known.has(name)) continue;
    throw new UserError(
      `${source} holds the tensor "${name}", which ${model} does not have; choose the model it was saved from`,
    );
  }
  const dense = ({ name, shape, turned, cols }: ParameterShape): ReadParameter => {
    const tensor = tensors.get(name);
    if (!tensor) {
      throw new UserError(
        `${source} lacks the tensor "${name}" of ${model}; choose the model it was saved from`,
      );
    }
    const given = showShape(tensor.shape), expected = showShape(shape);
    if (given !== expected) {
      throw new UserError(
        `The tensor "${name}" in ${source} has the shape ${given}, not ${expected}; choose the model it was saved from`,
      );
    }
    if (tensor.dtype !== "F32") {
      throw new UserError(`The tensor "${name}" in ${source} holds whole numbers; save it in floating point`);
    }
    return () => {
      const { data } = tensor;
      requireFinite(name, data, `${source} was saved from a run that diverged; choose another`);
      return turned ? transposed(data, cols) : data;
    };
  };
  return new Map(parameters.map((parameter) => {
    const [first, ...others] = inCheckpoints(parameter).map(dense);
    const whole = () => sideBySide([first, ...others].map((read) => read()), parameter.rows);
    return [parameter.name, others.length === 0 ? first : whole];
  }));
}

/** Throws a UserError if a tensor's values are not all finite: it names the tensor and the value, and ends with the remedy. */
export function requireFinite(name: string, data: ArrayLike<number>, remedy: string): void {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) throw new UserError(`The tensor "${name}" holds ${data[i]}: ${remedy}`);
  }
}

/** The tensors that a parameter is in checkpoints: itself, or its parts, from the first column on. */
export function inCheckpoints(parameter: ParameterShape): ParameterShape[] {
  const { parts, ...whole } = parameter;
  return parts?.map((part) => ({ ...whole, ...part, shape: [part.cols, whole.rows] })) ?? [parameter];
}

/** A parameter's values, rows×cols, as checkpoints hold them, by name. */
export function toCheckpoint(
  parameter: ParameterShape,
  data: Float32Array<ArrayBuffer>,
): [name: string, NamedTensor][] {
  const parts = inCheckpoints(parameter);
  const values = parts.length === 1 ? [data] : apart(data, parameter.rows, parts.map(({ cols }) => cols));
  return parts.map(({ name, shape, turned, rows }, i) => [
    name,
    { dtype: "F32", shape: [...shape], data: turned ? transposed(values[i], rows) : values[i] },
  ]);
}

/** Matrices of so many rows as one, side by side. */
function sideBySide(matrices: readonly Float32Array<ArrayBuffer>[], rows: number): Float32Array<ArrayBuffer> {
  const whole = new Float32Array(matrices.reduce((sum, { length }) => sum + length, 0));
  const width = whole.length / rows;
  let first = 0;
  for (const matrix of matrices) {
    const cols = matrix.length / rows;
    for (let row = 0; row < rows; row++) {
      whole.set(matrix.subarray(row * cols, (row + 1) * cols), row * width + first);
    }
    first += cols;
  }
  return whole;
}

/** The inverse of `sideBySide`. */
function apart(
  whole: Float32Array<ArrayBuffer>,
  rows: number,
  widths: readonly number[],
): Float32Array<ArrayBuffer>[] {
  const width = whole.length / rows;
  let first = 0;
  return widths.map((cols) => {
    const part = new Float32Array(rows * cols);
    for (let row = 0; row < rows; row++) {
      part.set(whole.subarray(row * width + first, row * width + first + cols), row * cols);
    }
    first += cols;
    return part;
  });
}

/** By tiles of 32 × 32, which a processor's cache holds of both. */
function transposed(data: Float32Array<ArrayBuffer>, rows: number): Float32Array<ArrayBuffer> {
  const cols = data.length / rows;
  const result = new Float32Array(data.length);
  const tile = 32;
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(rows, top + tile);
    for (let left = 0; left < cols; left += tile) {
      const right = Math.min(cols, left + tile);
      for (let row = top; row < bottom; row++) {
        for (let col = left; col < right; col++) result[col * rows + row] = data[row * cols + col];
      }
    }
  }
  return result;
}

/** Whether two tensors are the same, bit for bit. */
export function sameTensor(a: NamedTensor, b: NamedTensor): boolean {
  if (showShape(a.shape) !== showShape(b.shape)) return false;
  const [first, second] = [a.data, b.data]; // read once each
  return first.every((value, i) => Object.is(value, second[i]));
}

/** How many blocks a checkpoint holds: those whose parameters are called `prefix.0.…`, `prefix.1.…` and so on. */
export function blocksOf(tensors: ReadonlyMap<string, unknown>, prefix: string): number {
  const opening = `${prefix}.`;
  const inBlocks = [...tensors.keys()].filter((name) => name.startsWith(opening));
  return new Set(inBlocks.map((name) => name.slice(opening.length).split(".")[0])).size;
}

/**
 * The shape of a checkpoint's tensor of so many dimensions, by its name. Throws a `UserError` where there is none; `kind` says whose checkpoint
 * it would be ("GPT-2"), `source` names the file.
 */
export const shapesOf = (tensors: ReadonlyMap<string, NamedTensor>, kind: string, source: string) =>
(
  name: string,
  rank: number,
) => {
  const shape = tensors.get(name)?.shape;
  if (shape?.length === rank) return shape;
  const wanted = rank === 2 ? `matrix "${name}"` : `"${name}" of ${rank} dimensions`;
  throw new UserError(`${source} is not a ${kind} checkpoint: it has no ${wanted}`);
};

/**
 * The number of attention heads, which the shapes of a checkpoint do not show: `heads` where it is known, else heads 64 wide.
 * Throws a `UserError` if they do not divide the width.
 */
export function headsOf(width: number, heads: number | undefined, source: string): number {
  const count = heads ?? width / 64;
  if (count > 0 && Number.isInteger(count) && Number.isInteger(width / count)) return count;
  throw new UserError(
    heads === undefined
      ? `${source} does not tell how many heads share its ${width} channels; say it with --heads`
      : `${heads} heads do not divide the ${width} channels of ${source}; give another number with --heads`,
  );
}
