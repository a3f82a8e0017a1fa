import { assertEquals, assertThrows } from "@std/assert";
import { parse } from "@optique/core";
import { UserError } from "../../src/errors.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { options, sweepDocument } from "../commands/bench.ts";
import { overDocument } from "./option_document.ts";

/** What a command line says, without what it leaves out. */
function onCommandLine(words: string): Record<string, unknown> {
  const result = parse(options, words.split(" "));
  if (!result.success) throw new Error(words);
  return Object.fromEntries(
    Object.entries(result.value).filter(([, value]) =>
      value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0)
    ),
  );
}

const parsed = (json: unknown) => sweepDocument.parse(json, "sweep.json");

Deno.test("A sweep's document says what the options of the same names say", () => {
  const same: [json: Record<string, unknown>, words: string][] = [
    [{ model: "nano", batch: 4 }, "--model nano --batch 4"],
    [{ model: ["nano", "gpt2"], batch: [4, 16] }, "--model nano,gpt2 --batch 4,16"],
    [{ profile: "parity", policy: ["exact", "mesa8"] }, "--profile parity --policy exact,mesa8"],
    [
      { sequence: 64, tokens: 128, steps: 2, warmup: 0, rounds: 3 },
      [
        ...["--sequence 64 --tokens 128 --steps 2 --warmup 0 --rounds 3"],
      ].join(" "),
    ],
    [
      { "quality-steps": 5, "gradient-every": 2, "learning-rate": 0.01, seeds: 3, seed: 4294967295 },
      "--quality-steps 5 --gradient-every 2 --learning-rate 0.01 --seeds 3 --seed 4294967295",
    ],
    [
      { rounding: "nearest", ranges: "current", attention: "fused", arithmetic: "f16x3", memory: "1.5GiB" },
      "--rounding nearest --ranges current --attention fused --arithmetic f16x3 --memory 1.5GiB",
    ],
    [{ accumulate: 4, moments: "8bit" }, "--accumulate 4 --moments 8bit"],
    [{ parameters: "bf16" }, "--parameters bf16"],
    [{ update: "backward", "clip-by": "last" }, "--update backward --clip-by last"],
    [
      { ranks: 2, spread: "batch", sharding: "moments" },
      "--ranks 2 --spread batch --sharding moments",
    ],
    [{ precision: "0.5%", "max-time": "5min" }, "--precision 0.5% --max-time 5min"],
    [{ data: "a.txt", images: "cifar", timeout: 60 }, "--data a.txt --images cifar --timeout 60"],
    [
      { "require-gpu": true, runtime: "dawn", "no-tune": true, variants: "v.json" },
      "--require-gpu --runtime dawn --no-tune --variants v.json",
    ],
  ];
  const told = new Set<string>();
  for (const [json, words] of same) {
    assertEquals(parsed(json), onCommandLine(words));
    Object.keys(json).forEach((name) => told.add(name));
  }
  const { properties } = sweepDocument.jsonSchema() as { properties: object };
  assertEquals([...told, "$schema"].sort(), Object.keys(properties).sort());
});

Deno.test("A sweep's document may hold models and policies as they are, and its $schema", () => {
  const { policies, models } = parsed({
    $schema: "sweep.schema.json",
    policy: ["exact", { name: "mine", bits: 4 }],
    model: { name: "long", preset: "nano", positions: 4096 },
  });
  assertEquals(policies, [policyDocument("exact"), { ...policyDocument("mesa4"), name: "mine" }]);
  assertEquals(models, [{ ...modelConfig("nano"), name: "long", positions: 4096 }]);
});

Deno.test("A document's sentence names file and field", () => {
  const refused: [json: unknown, sentence: string][] = [
    [{ rounds: 1.5 }, "sweep.json: rounds must be a whole number from 1 to 2147483647"],
    [
      { policy: ["exact", "mesa9"] },
      'sweep.json: policy[1] cannot be taken: Unknown policy "mesa9"; did you mean',
    ],
    [
      { policy: { name: "exact", bits: 4 } },
      'sweep.json: policy[0] cannot be taken: this policy: name "exact" is a preset\'s',
    ],
    [{ out: "x" }, 'sweep.json has the unknown field "out"; known fields are profile, model'],
  ];
  for (const [json, sentence] of refused) assertThrows(() => parsed(json), UserError, sentence);
});

Deno.test("overDocument() lets the command line win, over what excludes it, too", () => {
  const pairs = [["batches", "tokens"]] as const;
  const document = { batches: [4], tokens: undefined, steps: 3, noTune: true };
  const given = (changes: object) => ({
    batches: [] as number[],
    tokens: undefined as number | undefined,
    steps: undefined as number | undefined,
    noTune: false,
    ...changes,
  });
  assertEquals(overDocument(given({}), document, pairs), given(document));
  assertEquals(
    overDocument(given({ steps: 5 }), document, pairs),
    given({ ...document, steps: 5 }),
  );
  assertEquals(
    overDocument(given({ tokens: 64 }), document, pairs),
    given({ tokens: 64, steps: 3, noTune: true }),
  );
});
