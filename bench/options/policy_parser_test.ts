import { assertEquals } from "@std/assert";
import { formatMessage } from "@optique/core";
import { policyDocument, policyNames } from "../../src/storage/policies.ts";
import { policyParser } from "./policy_parser.ts";

/** What a policy is parsed to, or the sentence that refuses it. */
function parse(input: string) {
  const result = policyParser.parse(input);
  return result.success ? result.value : formatMessage(result.error, { quotes: false });
}

/** Parses a file of that text; a sentence calls it FILE. */
async function parseFile(text: string) {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  try {
    await Deno.writeTextFile(path, text);
    const result = parse(path);
    return typeof result === "string" ? result.replace(path, "FILE") : result;
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("policyParser takes a preset by its name", () => {
  for (const name of policyNames) assertEquals(parse(name), policyDocument(name));
  assertEquals(policyParser.format(policyDocument("mesa2")), "mesa2");
});

Deno.test("policyParser suggests the nearest preset", () => {
  assertEquals(
    parse("mesa-8"),
    `Unknown policy "mesa-8"; did you mean "mesa8"? Known: ${policyNames.join(", ")}`,
  );
});

Deno.test("policyParser reads a document from a file, and fills in what it leaves out", async () => {
  const rules = [{ tensors: ["layer_norm" as const], bits: 8 as const }];
  assertEquals(
    await parseFile(JSON.stringify({ name: "mine", bits: 4, rules })),
    { ...policyDocument("mesa4"), name: "mine", rules },
  );
});

Deno.test("policyParser says what is wrong with a document", async () => {
  assertEquals(parse("none.json").toString().split(":")[0], "Cannot read the policy none.json");
  assertEquals(await parseFile("{ name: 1"), "Cannot read the policy FILE: it is not JSON");
  assertEquals(await parseFile('{"name": "a", "bits": 5}'), "FILE: bits must be 32, 16, 8, 4 or 2");
  assertEquals(
    await parseFile('{"name": "a", "roundng": "nearest"}'),
    'FILE has the unknown field "roundng"; did you mean "rounding"?',
  );
});

Deno.test("policyParser completes the names of presets", () => {
  const texts = [...policyParser.suggest!("mesa8")].map((s) => s.kind === "literal" ? s.text : s.kind);
  assertEquals(texts, ["mesa8", "mesa8-paper"]);
});
