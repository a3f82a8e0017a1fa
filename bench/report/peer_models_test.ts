import { assertEquals } from "@std/assert";
import { llamaPresets } from "../../src/models/llama/config.ts";

Deno.test("torch_llama.py has the presets' sizes", async () => {
  const text = await Deno.readTextFile(`${import.meta.dirname}/../peers/torch_llama.py`);
  const shapes = [...text.matchAll(/^ {4}"(llama[^"]*)": Shape\((.*)\),$/gm)].map((
    [, name, sizes],
  ) => [name, sizes.split(", ")]);
  const python = (value: boolean) => value ? "True" : "False";
  const expected = Object.values(llamaPresets).map((preset) => {
    const { layers, width, heads, keyHeads, headSize, hidden, vocab, rotaryBase } = preset;
    const sizes = [layers, width, heads, keyHeads, headSize, hidden, vocab, rotaryBase].map(String);
    return [preset.name, [...sizes, python(preset.tiedHead), python(preset.rotaryScaling !== null)]];
  });
  assertEquals(shapes, expected);
});
