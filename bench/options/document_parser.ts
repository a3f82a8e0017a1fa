import { message, text, type ValueParser, type ValueParserResult } from "@optique/core";
import { UserError } from "../../src/errors.ts";
import { parseJson, refuseTakenName } from "../../src/json_document.ts";
import { modelConfig, modelNames } from "../../src/models/model_config.ts";
import { parseModel } from "../../src/models/model_document.ts";
import { policyDocument, policyNames, policyPresets } from "../../src/storage/policies.ts";
import { parsePolicy } from "../../src/storage/policy_document.ts";

/** Documents of a kind, some of which have names. */
interface Kind<Document> {
  metavar: "MODEL" | "POLICY";
  presets: readonly string[];
  /** The preset of that name. Throws a UserError if there is none. */
  preset(name: string): Document;
  /** The document that a JSON value is, where `source` names the file. Throws a UserError that says what is wrong with it. */
  parse(json: unknown, source: string): Document;
}

/** A document: a preset's name, or the path of a file, which ends in .json. */
function documentParser<Document extends { readonly name: string }>(
  { metavar, presets, preset, parse }: Kind<Document>,
): ValueParser<"sync", Document> {
  return {
    mode: "sync",
    metavar,
    placeholder: preset(presets[0]),
    parse(input): ValueParserResult<Document> {
      try {
        return {
          success: true,
          value: /\.json$/i.test(input) ? parse(readJson(input), input) : preset(input),
        };
      } catch (error) {
        if (error instanceof UserError) return { success: false, error: message`${text(error.message)}` };
        throw error;
      }
    },
    format: ({ name }) => name,
    *suggest(prefix) {
      for (const name of presets) if (name.startsWith(prefix)) yield { kind: "literal", text: name };
    },
  };

  function readJson(path: string): unknown {
    try {
      return parseJson(Deno.readTextFileSync(path));
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      const reason = error instanceof SyntaxError ? "it is not JSON" : (error as Error).message;
      throw new UserError(`Cannot read the ${metavar.toLowerCase()} ${path}: ${reason}`);
    }
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
});

/** A model. */
export const modelParser = documentParser({
  metavar: "MODEL",
  presets: modelNames,
  preset: modelConfig,
  parse: parseModel,
});
