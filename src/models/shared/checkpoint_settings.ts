import { UserError } from "../../errors.ts";
import { isPresent } from "../../io/files.ts";
import { readJson } from "../../io/json_file.ts";
import { isRecord } from "../../io/safetensors_header.ts";

/** What a family's checkpoints must and may say beside their tensors, by the names of the library that it follows. */
export interface Settings {
  /** Of the family, in messages. */
  readonly title: string;
  /** What shapes do not show: metadata that tell all of it need nothing beside them. */
  readonly names: readonly string[];
  /** What changes that which a model computes, with the values that mean the family's own formulas. */
  readonly computed: Readonly<Record<string, readonly unknown[]>>;
}

/**
 * The settings in the `config.json` beside a checkpoint; undefined where there is no such file, or the checkpoint's metadata tell all. Throws a
 * UserError for one whose model computes something else than the family does.
 */
export async function configBeside(
  path: string,
  metadata: Readonly<Record<string, string>>,
  { title, names, computed }: Settings,
): Promise<Record<string, unknown> | undefined> {
  if (names.every((name) => metadata[name] !== undefined)) return undefined;
  const configPath = path.replace(/[^/\\]*$/, "config.json");
  if (!await isPresent(configPath)) return undefined;
  const settings = readJson(configPath);
  if (!isRecord(settings)) throw new UserError(`${configPath} is not a JSON object; mend it or take it away`);
  for (const [name, values] of Object.entries(computed)) {
    if (Object.hasOwn(settings, name) && !values.includes(settings[name])) {
      throw new UserError(
        `${configPath} says ${name} = ${
          JSON.stringify(settings[name])
        }, which computes something else than ${title}; choose another checkpoint`,
      );
    }
  }
  return settings;
}
