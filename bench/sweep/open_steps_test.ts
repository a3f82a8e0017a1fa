import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { modelConfig, mostTokens } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { type OpenStepOptions, openSteps } from "./open_steps.ts";

const options = (changes: Partial<OpenStepOptions>): OpenStepOptions => ({
  models: [modelConfig("nano")],
  sequences: [],
  batches: [],
  policies: [policyDocument("exact")],
  keepPositions: false,
  choices: {},
  ...changes,
});

/** What is looked for of each step, and the sizes that are fixed. */
const opened = (changes: Partial<OpenStepOptions>) =>
  openSteps(options(changes)).map((
    { model, largest, batch, sequence },
  ) => [model.name, largest, batch, sequence]);

Deno.test("openSteps() looks for the sequence where a batch is given, and for the batch otherwise", () => {
  assertEquals(opened({ batches: [1, 4] }), [["nano", "sequence", 1, 128], ["nano", "sequence", 4, 128]]);
  assertEquals(opened({ sequences: [64] }), [["nano", "batch", 1, 64]]);
  assertEquals(opened({}), [["nano", "batch", 1, 128]]);
  assertEquals(opened({ models: ["small", "deit-base"].map(modelConfig) }), [
    ["small", "batch", 1, 1024],
    ["deit-base", "batch", 1, 197],
  ]);
});

Deno.test("openSteps() looks for what is named, at what is given", () => {
  assertEquals(opened({ largest: "sequence" }), [["nano", "sequence", 1, 128]]);
  assertEquals(opened({ largest: "depth", batches: [8], sequences: [32] }), [["nano", "depth", 8, 32]]);
  assertEquals(opened({ largest: "width", batches: [8] }), [["nano", "width", 8, 128]]);
});

Deno.test("openSteps() holds no batch to the usual sequence where the sequence is looked for", () => {
  const batches = [1_000_000];
  assertEquals(opened({ batches }), [["nano", "sequence", 1_000_000, 128]]);
  const many = mostTokens(modelConfig("nano"));
  assertEquals(opened({ batches: [many] }).length, 1);
  assertThrows(() => openSteps(options({ batches: [many + 1] })), UserError, `--batch of at most ${many}`);
  assertThrows(() => openSteps(options({ batches: [many], choices: { ranks: 2 } })), UserError, "--batch of");
});

const refused: [Partial<OpenStepOptions>, string][] = [
  [{ batches: [1], sequences: [64] }, "leave neither open"],
  [{ batches: [1], largest: "batch" }, "--largest batch looks for what --batch says"],
  [{ sequences: [64], largest: "sequence" }, "--largest sequence looks for what --sequence says"],
  [{ models: [modelConfig("vit-nano")], batches: [1] }, "has sequences of one length"],
  [{ keepPositions: true }, "--keep-positions does nothing where no sequence is looked for"],
  [{ sequences: [4096] }, "use --sequence 1024 or less"],
];

for (const [changes, sentence] of refused) {
  Deno.test(`openSteps() refuses what is not open: "${sentence}"`, () => {
    assertThrows(() => openSteps(options(changes)), UserError, sentence);
  });
}
