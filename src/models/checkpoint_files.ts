import { dirname, join } from "node:path";
import { UserError } from "../errors.ts";
import { isFolder, isPresent } from "../io/files.ts";
import { readJson } from "../io/json_file.ts";
import { openSafetensors, type SafetensorsFile } from "../io/safetensors.ts";
import { isRecord } from "../io/safetensors_header.ts";

/** What `transformers` calls the files of a checkpoint's folder: all tensors in one, or which of several each is in; and the settings. */
export const names = {
  whole: "model.safetensors",
  index: "model.safetensors.index.json",
  config: "config.json",
};

/**
 * The file that a path of a checkpoint stands for: itself, or of a folder the whole file or else the index, as `transformers` chooses. Throws
 * a UserError for a folder that has neither.
 */
export async function checkpointFile(path: string): Promise<string> {
  if (!await isFolder(path)) return path;
  for (const name of [names.whole, names.index]) {
    if (await isPresent(join(path, name))) return join(path, name);
  }
  throw new UserError(
    `${path} holds neither ${names.whole} nor ${names.index}; give the folder of a checkpoint, or its file`,
  );
}

/**
 * What a checkpoint's file holds or, of an index (`.json`), the shards that it names; each tensor's data are read when they are asked for.
 * Throws a UserError as `openSafetensors` does, for what is no index, and for shards that do not hold what it says.
 */
export async function openCheckpoint(file: string): Promise<SafetensorsFile> {
  if (!file.endsWith(".json")) return await openSafetensors(file);
  const shardOf = readIndex(file);
  const shards = new Map<string, SafetensorsFile>();
  for (const shard of new Set(shardOf.values())) {
    const path = join(dirname(file), shard);
    if (!await isPresent(path)) {
      throw new UserError(
        `${file} names ${shard}, which is not beside it; download or copy all of the shards`,
      );
    }
    shards.set(shard, await openSafetensors(path));
  }
  const tensors: SafetensorsFile["tensors"] = new Map();
  for (const [name, shard] of shardOf) {
    const tensor = shards.get(shard)!.tensors.get(name);
    if (!tensor) {
      throw new UserError(
        `${file} says that ${shard} holds the tensor "${name}", which it does not; take index and shards of one checkpoint`,
      );
    }
    tensors.set(name, tensor);
  }
  return { tensors, metadata: Object.assign({}, ...[...shards.values()].map(({ metadata }) => metadata)) };
}

/** The shard that each tensor is in, by an index. */
function readIndex(path: string): Map<string, string> {
  const json = readJson(path);
  const shardOf = isRecord(json) ? json.weight_map : undefined;
  const isBeside = (shard: unknown) => typeof shard === "string" && /^[^/\\]+$/.test(shard);
  if (isRecord(shardOf) && Object.values(shardOf).every(isBeside)) {
    return new Map(Object.entries(shardOf) as [string, string][]);
  }
  throw new UserError(
    `${path} is no index of a checkpoint, whose "weight_map" names a file beside it for each tensor; give a checkpoint's folder, or its file`,
  );
}
