import { z } from "zod";
import { UserError } from "../errors.ts";
import { parseDocument } from "../json_document.ts";
import { readSafetensors, readSafetensorsMetadata, writeSafetensors } from "../io/safetensors.ts";
import { pickParameters, requireFinite } from "./shared/checkpoint_parameters.ts";
import { allFamilies, type AnyFamily, familyOf, type ModelConfig } from "./families.ts";
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
 * tells what the file does not say. Throws a UserError for a file that is no model's, and for whatever contradicts itself in it.
 */
export async function readCheckpoint(
  path: string,
  given: { heads?: number } = {},
): Promise<{ model: ModelConfig; weights: Weights }> {
  const tensors = await readSafetensors(path);
  const { modelType, checkpoint, sizes: schemas, check }: AnyFamily = familyOfTensors(tensors, path);
  const settings = await checkpoint.settings(path, await readSafetensorsMetadata(path));
  if (given.heads !== undefined && Number.isInteger(settings.heads) && given.heads !== settings.heads) {
    throw new UserError(
      `--heads ${given.heads} contradicts the ${settings.heads} heads that ${path} tells; leave it out, or mend the file`,
    );
  }
  const heads = given.heads ?? settings.heads;
  const sizes = checkpoint.sizesFrom(checkpoint.canonical(tensors, path), path, { ...settings, heads });
  const model = {
    ...parseDocument(z.object(schemas), sizes, path),
    modelType,
    name: nameOf(path),
  } as ModelConfig;
  check(model);
  return { model, weights: weightsFrom(tensors, model, path) };
}

/**
 * Saves a model's parameters so that the library which its family follows loads them, and `readCheckpoint` knows all sizes. Throws a
 * UserError for parameters that are not finite, which nobody could train on, and for a path that cannot be written.
 */
export async function writeCheckpoint(
  path: string,
  tensors: NamedTensors,
  model: ModelConfig,
): Promise<void> {
  for (const [name, { data }] of tensors) {
    requireFinite(
      name,
      data,
      `training has diverged, and ${path} is not written; take a smaller --learning-rate`,
    );
  }
  await writeSafetensors(path, tensors, { format: "pt", ...familyOf(model).checkpoint.metadata(model) });
}

function familyOfTensors(tensors: NamedTensors, source: string) {
  const found = allFamilies.find(({ checkpoint }) => checkpoint.recognises(tensors));
  if (found) return found;
  const known = allFamilies.map(({ title }) => title).join(", ").replace(/, (?=[^,]*$)/, " or ");
  throw new UserError(`${source} is no checkpoint of ${known}; choose another`);
}

/** What a model is called by its file: characters that a name may not have are left out. */
const nameOf = (path: string) =>
  path.split(/[/\\]/).at(-1)!.replace(/[\p{C}\p{Zl}\p{Zp}<>&|`"]/gu, "").trim().slice(0, 80);
