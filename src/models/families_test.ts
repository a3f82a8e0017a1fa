import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { weightsFrom } from "./checkpoint.ts";
import { byFamily, families, familyOf, type ModelConfig, type ModelType, ofFamily } from "./families.ts";
import { checkModel, inputOf, modelConfig, modelNames, usualSequence } from "./model_config.ts";

/** A model of a family that is not registered. */
const stranger = { ...modelConfig("vit-nano"), modelType: "swin" as ModelType } as ModelConfig;

Deno.test("Every family is registered under its own type, and so are its presets", () => {
  for (const [type, family] of Object.entries(families)) {
    assertEquals(family.modelType, type);
    for (const [name, preset] of Object.entries(family.presets)) {
      assertEquals([preset.modelType, preset.name], [family.modelType, name]);
    }
  }
});

Deno.test("byFamily() gives each model to its own family's function", () => {
  const of = byFamily({
    gpt2: ({ positions }, given: string) => `${given} ${positions} positions`,
    vit: ({ patch }, given: string) => `${given} patches of ${patch}`,
    llama: ({ keyHeads }, given: string) => `${given} ${keyHeads} heads of keys`,
  });
  assertEquals(of(modelConfig("nano"), "a"), "a 1024 positions");
  assertEquals(of(modelConfig("deit-tiny"), "b"), "b patches of 16");
  assertEquals(of(modelConfig("llama3-8b"), "c"), "c 8 heads of keys");
});

Deno.test("A table of families that lacks one is no table", () => {
  // @ts-expect-error There is no entry for ViT, nor for Llama.
  const lacking: Parameters<typeof ofFamily<number>>[0] = { gpt2: 1 };
  assertThrows(() => ofFamily(lacking, { modelType: "swin" }), UserError);
});

Deno.test("A model of an unknown family is taken for no other", () => {
  const uses: Record<string, () => unknown> = {
    familyOf: () => familyOf(stranger),
    byFamily: () => byFamily({ gpt2: () => 1, vit: () => 2, llama: () => 3 })(stranger),
    checkModel: () => checkModel(stranger, usualSequence(modelConfig("vit-nano"))),
    usualSequence: () => usualSequence(stranger),
    inputOf: () => inputOf(stranger),
    weightsFrom: () => weightsFrom(new Map(), stranger, "file"),
  };
  for (const [name, use] of Object.entries(uses)) {
    assertThrows(use, UserError, 'Unknown type of model "swin"; known: gpt2, vit, llama', name);
  }
});

Deno.test("inputOf() tells what every preset learns from", () => {
  const kinds = Map.groupBy(modelNames, (name) => inputOf(modelConfig(name)).kind);
  assertEquals(
    kinds.get("text"),
    [families.gpt2, families.llama].flatMap(({ presets }) => Object.keys(presets)),
  );
  assertEquals(kinds.get("images"), Object.keys(families.vit.presets));
  assertEquals(inputOf(modelConfig("mini")), { kind: "text", vocab: 8192 });
  assertEquals(inputOf(modelConfig("deit-tiny")), { kind: "images", size: 224, classes: 1000 });
});
