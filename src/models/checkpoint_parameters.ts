import { UserError } from "../errors.ts";
import type { NamedTensor } from "../io/safetensors.ts";
import { showShape } from "../io/safetensors_header.ts";

/**
 * Picks a model's parameters out of the tensors of a checkpoint, in the order of `shapes`.
 * Throws a `UserError` that names the tensor which is missing, unexpected, of the wrong shape or not of floats; `model` says whose
 * parameters they are ("a GPT-2 of 12 layers"), `source` names the file.
 */
export function pickParameters(
  tensors: ReadonlyMap<string, NamedTensor>,
  shapes: ReadonlyMap<string, readonly number[]>,
  model: string,
  source: string,
): Map<string, Float32Array<ArrayBuffer>> {
  for (const name of tensors.keys()) {
    if (shapes.has(name)) continue;
    throw new UserError(
      `${source} holds the tensor "${name}", which ${model} does not have; choose the model it was saved from`,
    );
  }
  const parameters = new Map<string, Float32Array<ArrayBuffer>>();
  for (const [name, shape] of shapes) {
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
    parameters.set(name, tensor.data);
  }
  return parameters;
}

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
