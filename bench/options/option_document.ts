/** Options of a command as a JSON document: fields have the options' names, and mean the same. */

import type { InferValue, Parser } from "@optique/core";
import { z } from "zod";
import { documentJsonSchema, only, parseDocument } from "../../src/json_document.ts";
import type { DocumentField } from "./options.ts";
import { isGiven } from "./unused.ts";

type Option = Parser<"sync"> & { readonly field: DocumentField };

/** What a document says of each option; those that it leaves out are missing. */
export type Given<Options extends Record<string, Option>> = {
  readonly [Name in keyof Options]?: InferValue<Options[Name]>;
};

/** A kind of documents that say the same as some options. */
export class OptionDocument<Options extends Record<string, Option>> {
  readonly #keys: ReadonlyMap<string, string>;
  readonly #schema: z.ZodType<Record<string, unknown>>;

  /** `meta` is what the published schema says of the whole. */
  constructor(options: Options, meta: { title: string; description: string; examples: unknown[] }) {
    const fields = Object.entries(options).map(([key, { field }]) => ({ key, ...field }));
    this.#keys = new Map(fields.map(({ name, key }) => [name, key]));
    const shape = fields.map(({ name, schema }) => [name, schema.optional()]);
    this.#schema = z.strictObject(Object.fromEntries(shape), only([...this.#keys.keys()])).meta(meta);
  }

  /** The options that a JSON value tells. Throws a UserError that names `source`, the field and what it must be. */
  parse(json: unknown, source: string): Given<Options> {
    const told = parseDocument(this.#schema, json, source);
    const entries = Object.entries(told).map(([name, value]) => [this.#keys.get(name), value]);
    return Object.fromEntries(entries) as Given<Options>;
  }

  /** The JSON Schema of such documents. */
  jsonSchema = () => documentJsonSchema(this.#schema);
}

/**
 * What a command line says over what a document says. Of `pairs` of options that exclude each other, one on the command line takes the
 * place of both in the document.
 */
export function overDocument<Options extends object>(
  given: Options,
  document: Partial<Options>,
  pairs: readonly (readonly (keyof Options)[])[],
): Options {
  const own = Object.entries(given).filter(([, value]) => isGiven(value));
  const replaced = pairs.filter((pair) => pair.some((name) => isGiven(given[name]))).flat();
  const kept = Object.entries(document).filter(([name]) => !replaced.includes(name as keyof Options));
  return { ...given, ...Object.fromEntries([...kept, ...own]) };
}
