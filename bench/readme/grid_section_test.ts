import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { fakeHeader, fakeImageRecord, fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { atAGlance, drawGlance } from "./at_a_glance.ts";
import { gridSection } from "./grid_section.ts";
import { sweepOf } from "./reports.ts";
import { answersPage } from "./results_page.ts";

/** A cell of so many MiB of buffers and milliseconds a step. */
const measured = (mebibytes: number, milliseconds: number) => {
  const { memory, timing } = fakeMeasurement();
  return {
    memory: { ...memory!, bufferBytes: mebibytes * 2 ** 20 },
    timing: { ...timing!, stepMilliseconds: [milliseconds] },
  };
};
const three = <T>(of: (round: number) => T): T[] => [0, 1, 2].map(of);
/** Three rounds of three policies, of buffers so much larger. */
const cells = (record: typeof fakeRecord, batch: number, times: number) => [
  ...three((round) => record({ round, batch }, measured(100 * times, 10))),
  ...three((round) => record({ round, batch, policy: "mesa8" }, measured(50 * times + 10, 12.5))),
  ...three((round) => record({ round, batch, policy: "mst8" }, measured(20 * times, 20))),
];
const grid = (...records: ReturnType<typeof fakeRecord>[]) => ({
  sweeps: {
    grid: sweepOf("reports/fake/grid/report.md", [{
      results: [fakeHeader(records, { command: "deno task bench grid" }), ...records]
        .map((line) => JSON.stringify(line)).join("\n"),
      report: "",
    }]),
  },
  peers: {},
});

Deno.test("gridSection() tells of each family mesa8 and the smallest policy, and has the report's table, below a picture of the largest steps", async () => {
  const texts = [...cells(fakeRecord, 4, 1), ...cells(fakeRecord, 8, 2)];
  const section = gridSection(grid(...texts, ...cells(fakeImageRecord, 4, 1)))!;
  const [title, sentence, families, table, , source, chart] = section.split("\n\n");
  assertEquals([title, sentence, families], [
    "### The grid",
    "Beside `exact`, the least and the most of 3 models and sizes, each by itself: `mesa8` takes 0.55–0.60× of the buffers at 0.80× of the " +
    "speed and `mst8` 0.20× at 0.50×.",
    "By family: GPT-2, 2 models and sizes, `mesa8` takes 0.55–0.60× of the buffers at 0.80× of the speed and `mst8` 0.20× at 0.50×; ViT, " +
    "1 model and size, `mesa8` takes 0.60× of the buffers at 0.80× of the speed and `mst8` 0.20× at 0.50×.",
  ]);
  assertEquals(table.split("\n").length, 5);
  assertStringIncludes(source, "[report](reports/fake/grid/report.md): `deno task bench grid`");
  assertStringIncludes(chart, "(reports/fake/grid/frontier.svg)");
  const reports = grid(...texts, ...cells(fakeImageRecord, 4, 1));
  const [picture, answer, ...answers] = answersPage(reports).split(/\n+/);
  assertEquals(
    answer,
    `- **The grid.** ${sentence} [Table](reports/README.md#the-grid), measured on Imaginary 9000`,
  );
  const caption = "Speed against memory of the largest step of each family in the grid, on Imaginary 9000";
  assertEquals(picture, `![${caption}](reports/at-a-glance.svg)`);
  const glance = atAGlance(reports)!;
  assertEquals(glance.comparisons.map(({ model, batch }) => [model, batch]), [["nano", 8], ["vit-nano", 4]]);
  const svg = await drawGlance(glance);
  for (const text of [caption, "8 × 128", "mst8"]) assertStringIncludes(svg, text);
  assertFalse(svg.includes(">4 × 128<"), "the smaller of two sizes");
  assertStringIncludes(answers.at(-1)!, "for `deno task bench grid`");
  assertEquals(gridSection(grid(...texts)), null, "one family is no grid");
});
