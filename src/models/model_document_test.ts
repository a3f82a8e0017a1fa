import { assert, assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { UserError } from "../errors.ts";
import { checkModel, modelConfig, modelNames, usualSequence } from "./model_config.ts";
import { architectureSchema, modelJsonSchema, modelSchema, parseModel } from "./model_document.ts";

const parse = (json: unknown) => parseModel(json, "f.json");

Deno.test("parseModel() changes a preset's sizes, and keeps the others", () => {
  assertEquals(parse({ name: "small-long", preset: "small", positions: 131072 }), {
    ...modelConfig("small"),
    name: "small-long",
    positions: 131072,
  });
  const big = { name: "big-images", preset: "deit-tiny", modelType: "vit", image: 384 };
  const { modelType: _, preset: __, ...changes } = big;
  assertEquals(parse(big), { ...modelConfig("deit-tiny"), ...changes } as ReturnType<typeof parse>);
  assertEquals(parse({ name: "a", preset: "gpt2" }), { ...modelConfig("small"), name: "a" });
});

Deno.test("parseModel() fills in what every published model of the family has", () => {
  const sizes = { layers: 3, width: 96, heads: 6 };
  assertEquals(parse({ name: "a", modelType: "gpt2", ...sizes }), {
    name: "a",
    modelType: "gpt2",
    ...sizes,
    vocab: 50257,
    positions: 1024,
    layerNormEpsilon: 1e-5,
  });
  assertEquals(parse({ name: "a", modelType: "vit", ...sizes, classes: 7 }), {
    name: "a",
    modelType: "vit",
    ...sizes,
    image: 224,
    patch: 16,
    classes: 7,
    layerNormEpsilon: 1e-6,
  });
});

Deno.test("A document's model takes sequences up to its positions", () => {
  const model = parse({ name: "long", preset: "nano", positions: 5000 });
  checkModel(model, 5000);
  assertEquals(usualSequence(model), 1024);
  assertThrows(() => checkModel(model, 5001), UserError, 'exceeds the 5000 positions of model "long"');
  assertEquals(usualSequence(parse({ name: "short", preset: "nano", positions: 40 })), 40);
});

const gpt2 = { name: "a", modelType: "gpt2", layers: 1, width: 8, heads: 2 };
for (
  const [json, message] of [
    [[], "f.json must be a JSON object"],
    [null, "f.json must be a JSON object"],
    ["nano", "f.json must be a JSON object"],
    [{ name: "a" }, 'f.json gives neither "preset" nor "modelType"; give one of them to say what it is'],
    [{ preset: "nano" }, "f.json: name must be given: the model's name in tables and results"],
    [{ ...gpt2, name: "" }, "f.json: name must be given: the model's name in tables and results"],
    [{ name: "a", modelType: "swin" }, 'f.json: modelType must be "gpt2", "vit" or "llama"'],
    [{ name: "a", preset: "vit-nano", modelType: "gpt2" }, 'f.json: modelType must be "vit"'],
    [{ ...gpt2, layers: undefined }, "f.json: layers must be a whole number from 1 to 256"],
    [{ ...gpt2, positions: 0.5 }, "f.json: positions must be a positive whole number"],
    [{ ...gpt2, layerNormEpsilon: 0 }, "f.json: layerNormEpsilon must be a number from 1e-30 to 1"],
    [{ ...gpt2, layerNormEpsilon: 1e300 }, "f.json: layerNormEpsilon must be a number from 1e-30 to 1"],
    [{ ...gpt2, layers: 257 }, "f.json: layers must be a whole number from 1 to 256"],
    [{ ...gpt2, positons: 9 }, 'f.json has the unknown field "positons"; did you mean "positions"?'],
    [
      { name: "a", preset: "vit-nano", vocab: 9 },
      'f.json has the unknown field "vocab"; known fields are name, preset, modelType, layers, width, heads, image, patch, classes, layerNormEpsilon',
    ],
    [{ ...gpt2, heads: 3 }, 'Model "a": 3 heads do not divide 8 channels; give a number of heads that does'],
    [
      { name: "a", preset: "vit-nano", patch: 5 },
      'Model "a": patches of 5 pixels do not divide an image of 32; give a patch that does',
    ],
    [
      { name: "small", preset: "nano" },
      'f.json: name "small" is a preset\'s, and this model is another; give it a name of its own',
    ],
    [
      { name: "a", preset: "llama-nano", keyHeads: 3 },
      'Model "a": 3 heads of keys do not divide 4 heads; give a number that does',
    ],
    [
      { name: "a", preset: "llama-nano", headSize: 7 },
      'Model "a": heads of 7 channels cannot be rotated in pairs or are wider than 128; give an even number up to it',
    ],
    [
      { name: "a", preset: "llama-1b", rotaryScaling: { factor: 2, slow: 4, fast: 4, positions: 9 } },
      'Model "a": rotaryScaling.slow is 4, not below fast, 4; give a smaller one',
    ],
    [
      { name: "a", preset: "llama-1b", rotaryScaling: { factor: 2 } },
      "f.json: rotaryScaling.slow must be a positive number",
    ],
    ...[{ rotaryBase: 5e-324, headSize: 128 }, {
      rotaryScaling: { factor: 1e-320, slow: 1, fast: 4, positions: 64 },
    }].map((endless) => [
      { name: "a", preset: "llama-nano", ...endless },
      'Model "a": its rotary frequencies are beyond all numbers; give a larger rotaryBase or rotaryScaling.factor',
    ]),
    [
      { name: "gpt2", preset: "nano" },
      'f.json: name "gpt2" is a preset\'s, and this model is another; give it a name of its own',
    ],
  ] as [unknown, string][]
) {
  Deno.test(`parseModel() refuses ${JSON.stringify(json)}`, () => {
    assertEquals(assertThrows(() => parse(json), UserError).message, message);
  });
}

Deno.test("parseModel() lists the presets where a document names none of them", () => {
  const { message } = assertThrows(() => parse({ name: "a", preset: "smal" }), UserError);
  for (const name of modelNames) assert(message.includes(`"${name}"`), message);
});

Deno.test("parseModel() passes over $schema, and takes a preset under its own name", () => {
  for (const preset of modelNames) {
    assertEquals(parse({ $schema: "model.json", name: preset, preset }), modelConfig(preset));
    assertEquals(parse(modelConfig(preset)), modelConfig(preset));
  }
});

Deno.test("Records hold what parseModel() gives, with and without a name", () => {
  for (
    const given of [{ name: "a", preset: "small", positions: 9 }, {
      name: "b",
      preset: "vit-mini",
      image: 64,
    }, { name: "c", preset: "llama-1b", hidden: 4096 }]
  ) {
    const model = parse(given);
    const { name: _, ...architecture } = model;
    assertEquals(modelSchema.parse(model), model);
    assertEquals(architectureSchema.parse(architecture), architecture);
  }
  assert(!modelSchema.safeParse({ ...modelConfig("nano"), modelType: "swin" }).success);
  const longest = parse({ name: "x".repeat(80), preset: "small" });
  const grown = { ...longest, name: `${longest.name}-4096`, positions: 4096 }; // as a sweep of growing lengths names it
  assertEquals(modelSchema.parse(grown), grown);
});

Deno.test("modelJsonSchema() describes both forms of every family, and accepts its own examples", () => {
  const schema = modelJsonSchema();
  const forms = schema.anyOf as { properties: Record<string, unknown>; required: string[] }[];
  assertEquals(forms.map(({ required }) => required), [
    ["name", "preset"],
    ["name", "modelType", "layers", "width", "heads"],
    ["name", "preset"],
    ["name", "modelType", "layers", "width", "heads"],
    ["name", "preset"],
    ["name", "modelType", "layers", "width", "heads", "keyHeads", "headSize", "hidden"],
  ]);
  for (const { properties } of forms) assert("$schema" in properties);
  const validator = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
  const accepts = (json: unknown) => validator.safeParse(json).success;
  for (const example of schema.examples as { name: string }[]) {
    assertEquals(parse(example).name, example.name);
    assert(accepts(example), example.name);
  }
  assert(accepts({ ...gpt2, $schema: "model.json" }));
  for (
    const wrong of [{ ...gpt2, patch: 4 }, { name: "a", preset: "swin" }, { name: "a", modelType: "gpt2" }]
  ) {
    assert(!accepts(wrong), JSON.stringify(wrong));
  }
});
