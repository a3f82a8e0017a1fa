import { message, text, type ValueParser, type ValueParserResult } from "@optique/core";
import { UserError } from "../../src/errors.ts";
import { policyDocument, policyNames } from "../../src/storage/policies.ts";
import { parsePolicy, type PolicyDocument } from "../../src/storage/policy_document.ts";

/** A storage policy: a preset's name, or the path of a document, which ends in .json. */
export const policyParser: ValueParser<"sync", PolicyDocument> = {
  mode: "sync",
  metavar: "POLICY",
  placeholder: policyDocument("exact"),
  parse(input): ValueParserResult<PolicyDocument> {
    try {
      return { success: true, value: input.endsWith(".json") ? readPolicy(input) : policyDocument(input) };
    } catch (error) {
      if (error instanceof UserError) return { success: false, error: message`${text(error.message)}` };
      throw error;
    }
  },
  format: ({ name }) => name,
  *suggest(prefix) {
    for (const name of policyNames) if (name.startsWith(prefix)) yield { kind: "literal", text: name };
  },
};

/** Reads a policy document. Throws a UserError that names what is wrong with it. */
function readPolicy(path: string): PolicyDocument {
  try {
    return parsePolicy(JSON.parse(Deno.readTextFileSync(path)), path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = error instanceof SyntaxError ? "it is not JSON" : (error as Error).message;
    throw new UserError(`Cannot read the policy ${path}: ${reason}`);
  }
}
