import { assertEquals } from "@std/assert";
import { formatMessage, type ValueParser } from "@optique/core";
import { policyDocument, policyNames } from "../../src/storage/policies.ts";
import { modelConfig, modelNames } from "../../src/models/model_config.ts";
import { modelParser, policyParser } from "./document_parser.ts";

type Parser = ValueParser<"sync", unknown>;

/** What a document is parsed to, or the sentence that refuses it. */
function parse(input: string, parser: Parser = policyParser) {
  const result = parser.parse(input);
  return result.success ? result.value : formatMessage(result.error, { quotes: false });
}

/** Parses a file of that text; a sentence calls it FILE. */
async function parseFile(text: string, parser?: Parser, suffix = ".json") {
  const path = await Deno.makeTempFile({ suffix });
  try {
    await Deno.writeTextFile(path, text);
    const result = parse(path, parser);
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

Deno.test("policyParser reads what other systems write: a byte order mark, and a suffix in capitals", async () => {
  const mine = { ...policyDocument("mesa8"), name: "mine" };
  assertEquals(await parseFile('\uFEFF{"name": "mine"}'), mine);
  assertEquals(await parseFile('{"name": "mine"}', policyParser, ".JSON"), mine);
});

Deno.test("policyParser says what is wrong with a document", async () => {
  assertEquals(String(parse("none.json")).split(":")[0], "Cannot read the policy none.json");
  assertEquals(
    await parseFile("{ name: 1"),
    'Cannot read the policy FILE: at line 1, column 3 "n" stands where a field\'s name in " " should; mend it there',
  );
  assertEquals(await parseFile('{"name": "a", "bits": 5}'), "FILE: bits must be 32, 16, 8, 4 or 2");
  assertEquals(
    await parseFile('{"name": "a", "roundng": "nearest"}'),
    'FILE has the unknown field "roundng"; did you mean "rounding"?',
  );
});

Deno.test("policyParser completes the names of presets", () => {
  const texts = [...policyParser.suggest!("mesa8")].map((s) => s.kind === "literal" ? s.text : s.kind);
  assertEquals(texts, ["mesa8", "mesa8-paper", "mesa8-selective"]);
});

Deno.test("policyParser refuses a document that calls itself as a preset that it is not", async () => {
  assertEquals(
    await parseFile('{"name": "exact", "bits": 2}'),
    'FILE: name "exact" is a preset\'s, and this policy is another; give it a name of its own',
  );
  assertEquals(await parseFile('{"bits": 32, "name": "exact"}'), policyDocument("exact"));
});

Deno.test("modelParser takes a preset by its name or a second one, and suggests the nearest", () => {
  for (const name of modelNames) assertEquals(parse(name, modelParser), modelConfig(name));
  assertEquals(parse("gpt2", modelParser), modelConfig("small"));
  assertEquals(
    String(parse("diet-small", modelParser)).split("?")[0],
    'Unknown model "diet-small"; did you mean "deit-small"',
  );
});

Deno.test("modelParser reads a document from a file, and says what is wrong with it", async () => {
  const file = (text: string) => parseFile(text, modelParser);
  assertEquals(await file('{"name": "long", "preset": "nano", "positions": 4096}'), {
    ...modelConfig("nano"),
    name: "long",
    positions: 4096,
  });
  assertEquals(
    await file("{"),
    'Cannot read the model FILE: at line 1, column 2 the end stands where a field\'s name in " " should; mend it there',
  );
  assertEquals(
    await file('{"name": "a", "preset": "nano", "wdth": 64}'),
    'FILE has the unknown field "wdth"; did you mean "width"?',
  );
});
