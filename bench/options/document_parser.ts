import { message, text, type ValueParser, type ValueParserResult } from "@optique/core";
import { z } from "zod";
import { UserError } from "../../src/errors.ts";
import { readJson } from "../../src/io/json_file.ts";
import { refuseTakenName } from "../../src/json_document.ts";
import { modelConfig, modelNames } from "../../src/models/model_config.ts";
import { modelJsonSchema, parseModel } from "../../src/models/model_document.ts";
import { policyDocument, policyNames, policyPresets } from "../../src/storage/policies.ts";
import { parsePolicy, policyJsonSchema } from "../../src/storage/policy_document.ts";
import type { Value } from "./value_parsers.ts";

/** Documents of a kind. */
interface Kind<Document> {
  metavar: "MODEL" | "POLICY" | "SWEEP";
  /** The document that a JSON value is, where `source` names the file. Throws a UserError that says what is wrong with it. */
  parse(json: unknown, source: string): Document;
}

/** Documents of which some have names. */
interface NamedKind<Document> extends Kind<Document> {
  presets: readonly string[];
  /** The preset of that name. Throws a UserError if there is none. */
  preset(name: string): Document;
  jsonSchema(): object;
}

/** A document in a file. */
export function fileParser<Document>(
  { metavar, parse }: Kind<Document>,
  placeholder: Document,
): ValueParser<"sync", Document> {
  return {
    mode: "sync",
    metavar,
    placeholder,
    parse: (input) => result(() => read({ metavar, parse }, input)),
    format: () => metavar,
    *suggest(prefix) {
      yield { kind: "file", pattern: prefix, type: "file", extensions: [".json"] };
    },
  };
}

/** A document: a preset's name, or the path of a file, which ends in .json. In JSON it can also stand as it is. */
function documentParser<Document extends { readonly name: string }>(
  { presets, preset, jsonSchema, ...kind }: NamedKind<Document>,
): Value<Document> {
  const word = kind.metavar.toLowerCase();
  const named = (input: string) => {
    if (/\.json$/i.test(input)) return read(kind, input);
    const parts = input.split(",");
    if (parts.length > 1 && parts.every((part) => presets.includes(part))) {
      throw new UserError(`"${input}" names several, where one ${word} is taken; give one of them`);
    }
    return preset(input);
  };
  return {
    ...fileParser(kind, preset(presets[0])),
    choices: presets.map(preset),
    parse: (input) => result(() => named(input)),
    format: ({ name }) => name,
    *suggest(prefix) {
      for (const name of presets) if (name.startsWith(prefix)) yield { kind: "literal", text: name };
    },
    schema: z.unknown().transform((json, context) => {
      try {
        return typeof json === "string" ? named(json) : kind.parse(json, `this ${word}`);
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        context.addIssue(`cannot be taken: ${error.message}`);
        return z.NEVER;
      }
    }).meta({
      anyOf: [
        { type: "string", description: `a preset's name, or the path of a ${word} file`, examples: presets },
        jsonSchema(),
      ],
    }),
  };
}

const read = <Document>({ metavar, parse }: Kind<Document>, path: string) =>
  parse(readJson(path, `the ${metavar.toLowerCase()} ${path}`), path);

/** What an action gives, or the UserError that it throws. */
function result<T>(action: () => T): ValueParserResult<T> {
  try {
    return { success: true, value: action() };
  } catch (error) {
    if (error instanceof UserError) return { success: false, error: message`${text(error.message)}` };
    throw error;
  }
}

/** A storage policy. */
export const policyParser = documentParser({
  metavar: "POLICY",
  presets: policyNames,
  preset: policyDocument,
  parse(json, source) {
    const document = parsePolicy(json, source);
    refuseTakenName("policy", document, policyPresets, source);
    return document;
  },
  jsonSchema: policyJsonSchema,
});

/** A model. */
export const modelParser = documentParser({
  metavar: "MODEL",
  presets: modelNames,
  preset: modelConfig,
  parse: parseModel,
  jsonSchema: modelJsonSchema,
});
