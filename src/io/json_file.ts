import { UserError } from "../errors.ts";
import { refusal, requireFile } from "./files.ts";
import { parseJson } from "./json_parser.ts";

/** The most bytes that a document has: one written by hand has some thousands. */
const largestDocument = 2 ** 20;

/**
 * The value in a JSON file, which messages call `what`: "the policy mine.json", by default the path alone. The byte order mark that some
 * editors put before a text says nothing. Throws a UserError for a file that cannot be read, is not UTF-8 or no JSON: it says where.
 */
export function readJson(path: string, what = path): unknown {
  const refuse = (reason: string, cause?: unknown) => {
    throw new UserError(`Cannot read ${what}: ${reason}`, { cause });
  };
  try {
    const { size } = requireFile(Deno.statSync(path));
    if (size > largestDocument) {
      refuse(`it has ${size} bytes, more than the ${largestDocument} of any document; check the path`);
    }
    return parseJson(textOf(Deno.readFileSync(path)));
  } catch (error) {
    if (error instanceof SyntaxError) return refuse(`${error.message}; mend it there`);
    if (error instanceof NotUtf8) return refuse("it is not UTF-8; save it in that encoding");
    const reason = refusal("read", error);
    if (reason === undefined) throw error;
    return refuse(reason, error);
  }
}

class NotUtf8 extends Error {}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new NotUtf8();
  }
}
