import { assertEquals, assertStringIncludes } from "@std/assert";
import { records, told } from "../report/reinvestment_testing.ts";
import type { CellRecord } from "../results/results.ts";
import { fakeHeader } from "../results/testing.ts";
import { reinvestSection } from "./reinvest_section.ts";
import { sweepOf } from "./reports.ts";
import { answersPage } from "./results_page.ts";

const reports = (lines: readonly CellRecord[], reinvest = told.reinvest) => {
  const header = fakeHeader(lines, { command: "deno task bench reinvest", ...told, reinvest });
  const results = [header, ...lines].map((line) => JSON.stringify(line)).join("\n");
  return {
    sweeps: { reinvest: sweepOf("reports/reinvest/report.md", [{ results, report: "" }]) },
    peers: {},
  };
};

Deno.test("reinvestSection() tells what each policy holds in exact's memory, and of how many ways the loss is lower", () => {
  const section = reinvestSection(reports(records))!;
  const [title, sentence, , answer, , affordable, , losses, source, picture] = section.split("\n\n");
  assertEquals([title, sentence], [
    "### Re-invested memory",
    "In the buffers that `exact` takes (nano), `mesa8` holds 2.00× the sequences or 1.50× the layers. Trained so (nano), in equal time 1 of 2 " +
    "ways measurably lowers the loss, 0 raise it; in equal tokens 1 of 2 ways measurably lowers the loss, 1 raises it: of 2 such tests one is false by chance with a probability of at most 10%.",
  ]);
  assertStringIncludes(answer, "- nano, 4 × 128, 10 MiB: in equal time");
  assertStringIncludes(affordable, "**8**: 9 MiB; 9: 11 MiB");
  assertStringIncludes(losses, "**higher**");
  assertStringIncludes(source, "- [report](reports/reinvest/report.md): `deno task bench reinvest`");
  assertStringIncludes(picture, "(reports/reinvest/reinvestment.svg)");
  assertStringIncludes(answersPage(reports(records)), `- **Re-invested memory.** ${sentence} [Table]`);
});

Deno.test("reinvestSection() tells of no size that is exact's own", () => {
  const same = reports(records);
  const [{ found, ...budget }] = told.reinvest;
  same.sweeps.reinvest.told = {
    reinvest: [{ ...budget, found: found.map((one) => ({ ...one, size: 2, bufferBytes: 1 })) }],
  };
  assertStringIncludes(reinvestSection(same)!, "takes (nano), no policy holds more.");
});

Deno.test("reinvestSection() tells no loss where nothing was trained, and is null where nothing was re-invested", () => {
  const timed = records.filter(({ configuration }) => !configuration.reinvested?.pace)
    .map((record) => ({ ...record, quality: null }));
  const section = reinvestSection(reports(timed))!;
  assertStringIncludes(section, "1.50× the layers.\n\n");
  assertEquals(/Trained so|reinvestment\.svg|Final/.test(section), false);
  assertEquals(reinvestSection({ sweeps: {}, peers: {} }), null);
});

Deno.test("reinvestSection() counts the ways and the tests of models that learnt something alone", () => {
  const idle = records.map((record): CellRecord => ({
    ...record,
    configuration: {
      ...record.configuration,
      model: record.configuration.model === "nano"
        ? "micro"
        : record.configuration.model.replace("nano", "micro"),
      ...record.configuration.reinvested &&
        { reinvested: { ...record.configuration.reinvested, model: "micro" } },
    },
    data: { ...record.data, baseline: { rule: "bigram", loss: 1 } } as CellRecord["data"],
  }));
  const budgets = [...told.reinvest, { ...told.reinvest[0], model: "micro" }];
  assertStringIncludes(
    reinvestSection(reports([...records, ...idle], budgets))!,
    "Trained so (nano), in equal time 1 of 2 ways measurably lowers the loss, 0 raise it; in equal tokens 1 of 2 ways measurably lowers the loss, " +
      "1 raises it: of 2 such tests",
  );
});
