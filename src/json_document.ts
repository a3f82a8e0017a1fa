/** Documents that are written by hand in JSON, such as policies and models: what their schemas share, and how they are refused. */

import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { UserError } from "./errors.ts";
import { nearest } from "./suggest.ts";

/** What a field must be, as the end of a sentence that begins with its name. */
export const must = (what: string) => ({ error: `must be ${what}` });

/** One of a few words. */
export const oneOfWords = <const Words extends readonly string[]>(words: Words) =>
  z.enum(words, must(words.map((word) => `"${word}"`).join(", ").replace(/, (?=[^,]*$)/, " or ")));

/** Refuses what is no object, and fields that are not `known`. */
export const only = (known: readonly string[]): { error: z.core.$ZodErrorMap } => ({
  error: (issue) => {
    if (issue.code !== "unrecognized_keys") return "must be a JSON object";
    const [key] = issue.keys as string[];
    const near = nearest(key, known);
    return `has the unknown field ${JSON.stringify(key)}; ` +
      (near ? `did you mean "${near}"?` : `known fields are ${known.join(", ")}`);
  },
});

/** What tables, terminals and charts show as it is: nothing that markdown, SVG or a terminal takes for more than a character. */
const showable = /^(?!\s)[^\p{C}\p{Zl}\p{Zp}<>&|`"\\]{1,80}(?<!\s)$/u;
const showableWords = "at most 80 characters, begin and end with no space, " +
  'and have no control characters and none of < > & | ` " \\';

/** The name of a model or a policy. */
export const documentName = (kind: "model" | "policy") =>
  z.string(must(`given: the ${kind}'s name in tables and results`))
    .min(1, { ...must(`given: the ${kind}'s name in tables and results`), abort: true })
    // No pattern: that of a JSON Schema cannot count on classes of Unicode.
    .refine((name) => showable.test(name), must(showableWords))
    .describe(`the ${kind}'s name in tables and results; must be ${showableWords}`);

/**
 * What a JSON value says by a schema; its `$schema`, by which editors find the schema, says nothing. `source` is what messages call it: a
 * file's name. Throws a UserError that names the field and what it must be.
 */
export function parseDocument<Schema extends z.ZodType>(
  schema: Schema,
  json: unknown,
  source: string,
): z.output<Schema> {
  const { data, error } = schema.safeParse(withoutSchema(json));
  if (!error) return data;
  const [{ path, message }] = error.issues;
  const field = path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("");
  throw new UserError(`${source}${field && `: ${field.slice(1)}`} ${message}`);
}

function withoutSchema(json: unknown): unknown {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
  const { $schema: _, ...rest } = json as Record<string, unknown>;
  return rest;
}

/** The JSON Schema of a kind of documents, which may be any of several forms. */
export function documentJsonSchema(schema: z.ZodType) {
  const json = z.toJSONSchema(schema, { io: "input" });
  const $schema = { type: "string" as const, description: "where this schema lies, for editors" };
  for (const form of json.anyOf ?? [json]) form.properties = { $schema, ...form.properties };
  return json;
}

/** Throws a UserError if a document has a preset's name, in whatever case, and says something else: tables would show it as the preset. */
export function refuseTakenName(
  kind: string,
  document: { readonly name: string },
  presets: Readonly<Record<string, object>>,
  source: string,
): void {
  const { name } = document;
  const taken = Object.keys(presets).find((preset) => preset.toLowerCase() === name.toLowerCase());
  if (taken === undefined || isDeepStrictEqual(document, presets[taken])) return;
  throw new UserError(
    `${source}: name "${name}" is a preset's, and this ${kind} is another; give it a name of its own`,
  );
}
