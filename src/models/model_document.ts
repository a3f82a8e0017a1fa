/**
 * The JSON document of a model: a preset with other sizes, or a model of a family with sizes of its own.
 *
 *     { "name": "small-long", "preset": "small", "positions": 131072 }
 *     { "name": "thin", "modelType": "gpt2", "layers": 24, "width": 512, "heads": 8 }
 */

import { z } from "zod";
import { UserError } from "../errors.ts";
import {
  documentJsonSchema,
  documentName,
  must,
  oneOfWords,
  only,
  parseDocument,
  refuseTakenName,
} from "../json_document.ts";
import { allFamilies, type AnyFamily, familyOf, type ModelConfig, modelTypes } from "./families.ts";
import type { Unnamed } from "./shared/family.ts";
import { modelsByName } from "./model_config.ts";

const typeOf = ({ modelType }: AnyFamily) => z.literal(modelType, must(`"${modelType}"`));

const strict = <Fields extends z.core.$ZodLooseShape>(fields: Fields) =>
  z.strictObject(fields, only(Object.keys(fields)));

/** A model that tells its sizes. */
function ownSizes(family: AnyFamily, name: z.ZodType = documentName("model")) {
  const defaults: Record<string, unknown> = family.defaults;
  const sizes = Object.entries<z.ZodType>(family.sizes).map(([size, schema]) => [
    size,
    size in defaults ? schema.default(defaults[size]) : schema,
  ]);
  return strict({ name, modelType: typeOf(family).describe("the family"), ...Object.fromEntries(sizes) });
}

/** A preset and what is changed of it. */
function presetWithChanges(family: AnyFamily) {
  const presets = Object.keys({ ...family.presets, ...family.aliases });
  const sizes = Object.entries<z.ZodType>(family.sizes).map(([size, schema]) => [size, schema.optional()]);
  return strict({
    name: documentName("model"),
    preset: z.enum(presets).describe("the preset whose sizes hold where none is given"),
    modelType: typeOf(family).optional().describe("the family, which the preset tells"),
    ...Object.fromEntries(sizes),
  });
}

/** Which of the forms a document has. */
const opening = z.looseObject({
  modelType: oneOfWords(modelTypes).optional(),
  preset: oneOfWords(Object.keys(modelsByName)).optional(),
}, only([]));

/**
 * The model that a JSON value describes. `source` is what messages call it: a file's name. Throws a UserError that names the field and what
 * it must be, for sizes that contradict each other, and for a model that calls itself as a preset that it is not.
 */
export function parseModel(json: unknown, source: string): ModelConfig {
  const { modelType, preset } = parseDocument(opening, json, source);
  const base = preset === undefined ? undefined : modelsByName[preset];
  const type = base?.modelType ?? modelType;
  if (!type) {
    throw new UserError(
      `${source} gives neither "preset" nor "modelType"; give one of them to say what it is`,
    );
  }
  const family = familyOf({ modelType: type });
  const form = base ? presetWithChanges(family) : ownSizes(family);
  const { preset: _, ...own } = parseDocument(form, json, source);
  const model = { ...base, ...own } as unknown as ModelConfig;
  family.check(model);
  refuseTakenName("model", model, modelsByName, source);
  return model;
}

const byType = (forms: z.ZodType[]) =>
  z.discriminatedUnion("modelType", forms as [z.ZodObject, ...z.ZodObject[]]) as z.ZodType;

/** A model's complete configuration, as records hold it: a sweep may have made its name longer. */
export const modelSchema = byType(
  allFamilies.map((family) => ownSizes(family, z.string())),
) as z.ZodType<ModelConfig>;

/** The same without its name. */
export const architectureSchema = byType(
  allFamilies.map((family) => z.object({ modelType: typeOf(family), ...family.sizes })),
) as z.ZodType<Unnamed<ModelConfig>>;

/** The JSON Schema of model files. */
export const modelJsonSchema = () =>
  documentJsonSchema(
    z.union(allFamilies.flatMap((family) => [presetWithChanges(family), ownSizes(family)])).meta({
      title: "Model",
      description: "A model to train: a preset with other sizes, or sizes of its own",
      examples: [
        { name: "small-long", preset: "small", positions: 131072 },
        { name: "thin", modelType: "gpt2", layers: 24, width: 512, heads: 8 },
      ],
    }),
  );
