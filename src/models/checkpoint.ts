import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { parseDocument } from "../json_document.ts";
import { isFolder, isPresent, replaceText, requireWritable, withFileErrors } from "../io/files.ts";
import { type NamedTensor, type UnreadTensor, writeSafetensors } from "../io/safetensors.ts";
import { checkpointFile, names, openCheckpoint } from "./checkpoint_files.ts";
import { pickParameters, type ReadParameter, requireFinite } from "./shared/checkpoint_parameters.ts";
import { allFamilies, type AnyFamily, familyOf, type ModelConfig } from "./families.ts";
import type { NamedTensors, Unnamed } from "./shared/family.ts";

/** Dense weights by name, rows×cols as kernels hold them, shapes already checked. */
export type Weights = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** Weights that may be in a file still: who asks for one reads it anew. Throws a UserError for one that is not finite. */
export type WeightSource = Pick<Weights, "keys" | "get">;

/**
 * A model's weights out of the tensors of a checkpoint, in the order of its parameters. Throws a UserError that names the tensor which is
 * missing, unexpected, or of the wrong shape; `source` names the file.
 */
export function weightsFrom(
  tensors: NamedTensors,
  model: Unnamed<ModelConfig>,
  source: string,
): Map<string, Float32Array<ArrayBuffer>> {
  const parameters = pick(familyOf(model).checkpoint.canonical(tensors, source), model, source);
  return new Map([...parameters].map(([name, read]) => [name, read()]));
}

function pick(
  canonical: NamedTensors,
  model: Unnamed<ModelConfig>,
  source: string,
): Map<string, ReadParameter> {
  const family = familyOf(model);
  return pickParameters(
    canonical,
    family.parameters({ ...model, name: source }, "all"),
    `${family.title} of ${model.layers} layers`,
    source,
  );
}

/**
 * Reads a checkpoint that `writeCheckpoint` or the library that a family follows saved: a file, an index of shards, or the folder with either.
 * Of weights only what tells the sizes is looked at, the others when they are asked for. The model is called by the last part of the path.
 * `heads` tells what the file does not say. Throws a UserError for a file that is no model's, and for whatever contradicts itself in it.
 */
export async function readCheckpoint(
  path: string,
  given: { heads?: number } = {},
): Promise<{ model: ModelConfig; weights: WeightSource }> {
  const file = await checkpointFile(path);
  const { tensors, metadata } = await openCheckpoint(file);
  const { modelType, checkpoint, sizes: schemas, check }: AnyFamily = familyOfTensors(tensors, file);
  const settings = await checkpoint.settings(file, metadata);
  if (given.heads !== undefined && Number.isInteger(settings.heads) && given.heads !== settings.heads) {
    throw new UserError(
      `--heads ${given.heads} contradicts the ${settings.heads} heads that ${file} tells; leave it out, or mend the file`,
    );
  }
  const heads = given.heads ?? settings.heads;
  const canonical = checkpoint.canonical(tensors, file);
  const sizes = checkpoint.sizesFrom(canonical, file, { ...settings, heads });
  const model = {
    ...parseDocument(z.object(schemas), sizes, file),
    modelType,
    name: nameOf(path),
  } as ModelConfig;
  check(model);
  const parameters = pick(canonical, model, file);
  return {
    model,
    weights: { keys: () => parameters.keys(), get: (name) => parameters.get(name)?.() },
  };
}

/** Whether a model is saved as one file; else as a folder. */
const isOneFile = (path: string) => path.endsWith(".safetensors");

/** Throws a UserError unless `writeCheckpoint` could write `path` now: asked before a training whose result goes there. */
export async function requireCheckpointWritable(path: string, model: ModelConfig): Promise<void> {
  if (isOneFile(path)) return await requireWritable(path);
  const { title, checkpoint } = familyOf(model);
  if (!checkpoint.config) {
    throw new UserError(`${title} is saved as one file: give a path that ends in .safetensors, not ${path}`);
  }
  if (await isFolder(path, "write")) {
    for (const name of [names.whole, names.config]) await requireWritable(join(path, name));
  } else if (await isPresent(path)) {
    throw new UserError(`${path} is no folder to save in; give one, or a path that ends in .safetensors`);
  } else await requireWritable(path.replace(/[/\\]+$/, ""));
}

/**
 * Saves a model's parameters so that the library which its family follows loads them, and `readCheckpoint` knows all sizes: as one file if
 * the path ends in `.safetensors`, else as a folder, made if need be, with the `config.json` that `transformers` asks for. Throws a
 * UserError for parameters that are not finite, which nobody could train on, and for a path that cannot be written.
 */
export async function writeCheckpoint(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor | UnreadTensor>,
  model: ModelConfig,
): Promise<void> {
  const remedy = `training has diverged, and ${path} is not written; take a smaller --learning-rate`;
  const finite = new Map([...tensors].map(([name, tensor]) => [name, finiteTensor(name, tensor, remedy)]));
  const { checkpoint } = familyOf(model);
  const metadata = { format: "pt", ...checkpoint.metadata(model) };
  if (isOneFile(path)) return await writeSafetensors(path, finite, metadata);
  await requireCheckpointWritable(path, model);
  const isNew = !await isPresent(path);
  await withFileErrors("write", path, () => Deno.mkdir(path, { recursive: true }));
  try {
    await writeSafetensors(join(path, names.whole), finite, metadata);
  } catch (error) {
    if (isNew) await Deno.remove(path).catch(() => {}); // the first error is the one to tell
    throw error;
  }
  const config = JSON.stringify(checkpoint.config!(model), null, 2);
  await replaceText(join(path, names.config), `${config}\n`);
}

/** A tensor that is refused when it is read if its values are not all finite. */
function finiteTensor(name: string, tensor: NamedTensor | UnreadTensor, remedy: string): UnreadTensor {
  const { dtype, shape } = tensor;
  const read = async () => {
    const data = "read" in tensor ? await tensor.read() : tensor.data;
    requireFinite(name, data, remedy);
    return data;
  };
  return { dtype, shape, read };
}

function familyOfTensors(tensors: NamedTensors, source: string) {
  const found = allFamilies.find(({ checkpoint }) => checkpoint.recognises(tensors));
  if (found) return found;
  const known = allFamilies.map(({ title }) => title).join(", ").replace(/, (?=[^,]*$)/, " or ");
  throw new UserError(`${source} is no checkpoint of ${known}; choose another`);
}

/** What a model is called by its file or folder: characters that a name may not have are left out. */
const nameOf = (path: string) =>
  basename(resolve(path)).replace(/[\p{C}\p{Zl}\p{Zp}<>&|`"]/gu, "").trim().slice(0, 80);
