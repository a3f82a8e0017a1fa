import { assertEquals, assertStringIncludes } from "@std/assert";
import { compare } from "./cell_rounds.ts";
import { paperSection } from "./paper_table.ts";
import { fakeImageRecord, fakeMeasurement } from "../results/testing.ts";

const measured = (
  model: string,
  policy: string,
  [buffers, live, saved]: [number, number, number],
  batch = 128,
) =>
  fakeImageRecord({ model, policy, batch, sequence: 197 }, {
    memory: {
      ...fakeMeasurement().memory!,
      bufferBytes: buffers * 2 ** 20,
      livePeakBytes: live * 2 ** 20,
      savedBytes: saved * 2 ** 20,
    },
  });

Deno.test("paperSection() puts the published figures beside what was measured", () => {
  const section = paperSection(compare([
    measured("deit-tiny", "exact", [2000, 1900, 1600]),
    measured("deit-tiny", "mesa8", [900, 800, 400]),
    measured("deit-base", "mesa8-paper", [5000, 4900, 4000]),
    measured("vit-nano", "exact", [1, 1, 1]),
  ]))!;
  assertEquals(
    section.split("\n\n")[0],
    `
| model     |                   |     exact |      mesa8-paper |           mesa8 |
| :-------- | :---------------- | --------: | ---------------: | --------------: |
| deit-tiny | published, AMP    |  4171 MiB | 1858 MiB (0.45×) |               – |
|           | buffers           |  2000 MiB |                – | 900 MiB (0.45×) |
|           | live peak         |  1900 MiB |                – | 800 MiB (0.42×) |
|           | saved activations |  1600 MiB |                – | 400 MiB (0.25×) |
| deit-base | published, AMP    | 17691 MiB | 8616 MiB (0.49×) |               – |
|           | buffers           |         – |         5000 MiB |               – |
|           | live peak         |         – |         4900 MiB |               – |
|           | saved activations |         – |         4000 MiB |               – |
`.trim(),
  );
  assertStringIncludes(section, "`torch.cuda.max_memory_allocated`");
});

Deno.test("paperSection() is null for other models, batches, and cells without memory", () => {
  assertEquals(
    paperSection(compare([
      measured("deit-tiny", "exact", [1, 1, 1], 64),
      measured("vit-nano", "exact", [1, 1, 1]),
      fakeImageRecord({ model: "deit-tiny", batch: 128 }, { memory: null }),
    ])),
    null,
  );
});

Deno.test("paperSection() tells which arithmetic is f32, where products compute in another", () => {
  const [plain] = [measured("deit-tiny", "exact", [2, 2, 1])];
  const inHalves = { ...plain, configuration: { ...plain.configuration, arithmetic: "f16" as const } };
  const kept = "`exact` here keeps f32, and all arithmetic";
  assertStringIncludes(paperSection(compare([plain]))!, `${kept} is f32.`);
  assertStringIncludes(paperSection(compare([inHalves]))!, `${kept} but that of products, in f16, is f32.`);
});
