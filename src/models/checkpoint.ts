import { UserError } from "../errors.ts";
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from "../io/safetensors.ts";
import { pickParameters } from "./shared/checkpoint_parameters.ts";
import { allFamilies, familyOf, type ModelConfig } from "./families.ts";
import type { NamedTensors, Unnamed } from "./shared/family.ts";

/** Dense weights by name, rows×cols as kernels hold them, shapes already checked. */
export type Weights = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/**
 * A model's weights out of the tensors of a checkpoint, in the order of its parameters. Throws a UserError that names the tensor which is
 * missing, unexpected, or of the wrong shape; `source` names the file.
 */
export function weightsFrom(
  tensors: NamedTensors,
  model: Unnamed<ModelConfig>,
  source: string,
): Map<string, Float32Array<ArrayBuffer>> {
  const family = familyOf(model);
  return pickParameters(
    family.checkpoint.canonical(tensors, source),
    family.parameters({ ...model, name: source }, "all"),
    `${family.title} of ${model.layers} layers`,
    source,
  );
}

/**
 * Reads a checkpoint that `writeCheckpoint` or the library that a family follows saved; the model is called by the file's name. `heads`
 * replaces what the file says of them. Throws a UserError for a file that is no model's, and for whatever contradicts itself in it.
 */
export async function readCheckpoint(
  path: string,
  given: { heads?: number } = {},
): Promise<{ model: ModelConfig; weights: Weights }> {
  const tensors = await readSafetensors(path);
  const { modelType, checkpoint } = familyOfTensors(tensors, path);
  const settings = await checkpoint.settings(path, await readSafetensorsMetadata(path));
  const heads = given.heads ?? settings.heads;
  const sizes = checkpoint.sizesFrom(checkpoint.canonical(tensors, path), path, { ...settings, heads });
  const model = { ...sizes, modelType, name: path.split("/").at(-1)! } as ModelConfig;
  return { model, weights: weightsFrom(tensors, model, path) };
}

/** Saves a model's parameters so that the library which its family follows loads them, and `readCheckpoint` knows all sizes. */
export function writeCheckpoint(path: string, tensors: NamedTensors, model: ModelConfig): Promise<void> {
  return writeSafetensors(path, tensors, { format: "pt", ...familyOf(model).checkpoint.metadata(model) });
}

function familyOfTensors(tensors: NamedTensors, source: string) {
  const found = allFamilies.find(({ checkpoint }) => checkpoint.recognises(tensors));
  if (found) return found;
  const known = allFamilies.map(({ title }) => title).join(" or ");
  throw new UserError(`${source} is no checkpoint of ${known}; choose another`);
}
