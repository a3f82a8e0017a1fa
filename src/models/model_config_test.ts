import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { gpt2Parameters } from "./gpt2/parameters.ts";
import { gpt2Presets } from "./gpt2/config.ts";
import { llamaPresets } from "./llama/config.ts";
import { checkModel, modelConfig, modelNames, usualSequence } from "./model_config.ts";
import { vitParameters } from "./vit/parameters.ts";
import { vitPresets, vitTokens } from "./vit/config.ts";

const count = (shapes: { rows: number; cols: number }[]) =>
  shapes.reduce((sum, { rows, cols }) => sum + rows * cols, 0);

Deno.test("modelConfig() knows every preset by its name, and gpt2 as small", () => {
  assertEquals(modelNames, [gpt2Presets, vitPresets, llamaPresets].flatMap(Object.keys));
  for (const name of modelNames) assertEquals(modelConfig(name).name, name);
  assertEquals(modelConfig("gpt2"), gpt2Presets.small);
  assert(!modelNames.includes("gpt2"), "an alias is listed");
  assertEquals([modelConfig("xl").modelType, modelConfig("deit-base").modelType], ["gpt2", "vit"]);
});

Deno.test("modelConfig() suggests the nearest name of either family", () => {
  assertThrows(() => modelConfig("diet-small"), UserError, 'did you mean "deit-small"');
  assertThrows(() => modelConfig("gpt-2"), UserError, 'did you mean "gpt2"');
  assertThrows(() => modelConfig("swin"), UserError, 'Unknown model "swin"; known: nano, ');
});

Deno.test("The presets are GPT-2's and DeiT's sizes: they have as many parameters", () => {
  // Hugging Face's model cards, and Touvron et al. 2021 (arXiv 2012.12877) as timm counts them.
  const counts = { small: 124_439_808, medium: 354_823_168, large: 774_030_080, xl: 1_557_611_200 };
  for (const [name, parameters] of Object.entries(counts)) {
    const config = gpt2Presets[name as keyof typeof counts];
    assertEquals(count(gpt2Parameters(config, "all")), parameters, name);
  }
  const deit = { "deit-tiny": 5_717_416, "deit-small": 22_050_664, "deit-base": 86_567_656 };
  for (const [name, parameters] of Object.entries(deit)) {
    const config = vitPresets[name as keyof typeof deit];
    assertEquals(count(vitParameters(config, "all")), parameters, name);
    assertEquals(vitTokens(config), 197);
  }
});

Deno.test("checkModel() passes every preset at its usual length", () => {
  const usual = { nano: 128, micro: 256, mini: 512, small: 1024, xl: 1024, "vit-nano": 65, "deit-tiny": 197 };
  for (const [name, sequence] of Object.entries(usual)) {
    assertEquals(usualSequence(modelConfig(name)), sequence, name);
  }
  for (const name of modelNames) checkModel(modelConfig(name), usualSequence(modelConfig(name)));
  assertEquals(usualSequence({ ...gpt2Presets.small, positions: 300 }), 300);
});

Deno.test("checkModel() refuses sizes that contradict each other", () => {
  const { nano } = gpt2Presets;
  const { "vit-nano": vit } = vitPresets;
  const refused: [() => void, string][] = [
    [() => checkModel(nano, 1025), 'Sequence length 1025 exceeds the 1024 positions of model "nano"'],
    [() => checkModel({ ...nano, heads: 3 }, 8), '"nano": 3 heads do not divide 128 channels'],
    [() => checkModel({ ...vit, heads: 5 }, 65), '"vit-nano": 5 heads do not divide 128 channels'],
    [() => checkModel({ ...vit, width: 512, heads: 2 }, 65), "heads of 256 channels are wider than the 128"],
    [() => checkModel({ ...vit, patch: 5 }, 65), "patches of 5 pixels do not divide an image of 32"],
    [() => checkModel(vit, 64), 'Model "vit-nano" makes 65 tokens of an image, not 64; leave out --sequence'],
  ];
  for (const [check, sentence] of refused) assertThrows(check, UserError, sentence);
  checkModel({ ...vit, width: 256, heads: 2 }, 65);
});

Deno.test("checkModel() refuses a step of more tokens than kernels can count, and says what would do", () => {
  const { nano, xl } = gpt2Presets;
  checkModel(nano, 1024, 2 ** 15);
  const refused: [() => void, string][] = [
    [() => checkModel(nano, 1024, 2 ** 15 + 1), "take a --batch of at most 32768"],
    [() => checkModel(xl, 1024, 2 ** 32), 'exceeds the 2684354 that kernels can count in model "xl"'],
    [() => checkModel(xl, 1024, Number.MAX_SAFE_INTEGER), "take a --batch of at most 2621"],
    [() => checkModel({ ...nano, positions: 2 ** 40 }, 2 ** 40), "take a smaller --sequence"],
    [() => checkModel({ ...llamaPresets["llama-nano"], hidden: 2 ** 40 }, 16), "give smaller sizes"],
  ];
  for (const [check, sentence] of refused) assertThrows(check, UserError, sentence);
});

Deno.test("checkModel() refuses a model of more parameters than can be planned, at once", () => {
  const { nano } = gpt2Presets;
  checkModel({ ...nano, positions: 1e9 }, 128);
  for (const sizes of [{ positions: 2e9 }, { vocab: 2e9 }, { positions: Number.MAX_SAFE_INTEGER }]) {
    assertThrows(
      () => checkModel({ ...nano, ...sizes }, 128),
      UserError,
      "parameters, more than the 137438953472 that can be planned; give smaller sizes",
    );
  }
});
