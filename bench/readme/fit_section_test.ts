import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { fitSection } from "./fit_section.ts";
import { fitsIn } from "./fits.ts";
import { answersPage } from "./results_page.ts";

const printed =
  `Planned for Imaginary 9000, bindings of at most 2 GiB; variants of kernels by the kernels' tables

The driver says that 80 GiB are free.

| model | policy | at          |     in |  largest | buffers | the next | exceeds by | limited by | proof                                          |
| :---- | :----- | :---------- | -----: | -------: | ------: | -------: | ---------: | :--------- | :--------------------------------------------- |
| small | exact  | 1024 tokens | 80 GiB | batch 57 |  79 GiB |       58 |    300 MiB | memory     | trained; the next was refused by plan          |
| small | mst8   | 1024 tokens | 80 GiB | batch 90 |  80 GiB |       91 |    200 MiB | memory     | trained; the device had no memory for the next |
| xl    | exact  | 1024 tokens | 80 GiB |     none |       – |        1 |     10 GiB | memory     | the next was refused by plan                   |
`;

Deno.test("fitSection() tells the largest that trained of each model and policy, and has a row for each", () => {
  const reports = { sweeps: {}, peers: {}, fits: fitsIn("reports/fit.txt", printed) };
  const [title, sentence, table, source] = fitSection(reports)!.split("\n\n");
  assertEquals([title, sentence, source], [
    "### What fits",
    "The largest that fits in 80 GiB of one Imaginary 9000: small, 1024 tokens: batch 57 under `exact` and batch 90 under `mst8`; xl, 1024 " +
    "tokens: none under `exact`; what fits took a step there, and the next size was refused.",
    "- [what was printed](reports/fit.txt)",
  ]);
  assertStringIncludes(table.split("\n")[3], "trained; the device had no memory for the next");
  assertStringIncludes(
    answersPage(reports),
    `- **What fits.** ${sentence} [Table](reports/README.md#what-fits)`,
  );
  const made = fitsIn(
    "fit.txt",
    `${printed}\nProved on 2026-01-31 by Headroom 0.1.0 (commit 0123456789ab)\n`,
  );
  assertStringIncludes(
    fitSection({ ...reports, fits: made })!,
    "[what was printed](fit.txt): Headroom 0.1.0 (commit 0123456789ab), 2026-01-31",
  );
  assertEquals(fitSection({ sweeps: {}, peers: {} }), null);
  const fits = fitsIn("fit.txt", printed.replace("kernels' tables", "kernels' tables; products in f16"));
  assertStringIncludes(fitSection({ ...reports, fits })!, "of one Imaginary 9000, products in f16: small,");
  for (const within of ["-200 MiB", "200 MiB within it"]) {
    const fits = fitsIn("fit.txt", printed.replace("   200 MiB", within));
    assertStringIncludes(
      fitSection({ ...reports, fits })!,
      "the next size was refused, by the device itself where it lies within the memory by plan.",
    );
  }
});

Deno.test("fitsIn() refuses what was not proved, or is not whole", () => {
  for (
    const [other, sentence] of [
      [printed.replace("trained; the next was", "not proved: Size 57 was"), "not proved (small, exact)"],
      [printed.replace("Planned for", "Planned"), "does not tell its card"],
      [printed.replaceAll(" proof ", " other "), `does not tell "proof"`],
      [printed.split("\n").slice(0, 6).join("\n"), "does not tell what fits"],
    ]
  ) assertThrows(() => fitsIn("fit.txt", other), UserError, sentence);
});

Deno.test("fitsIn() refuses answers of which nothing was tried", () => {
  const printed =
    `Planned for Imaginary 9000, bindings of at most 2 GiB; variants of kernels by the kernels' tables

| model | policy | at          |     in |  largest | buffers | the next | exceeds by | limited by | proof |
| :---- | :----- | :---------- | -----: | -------: | ------: | -------: | ---------: | :--------- | :---- |
| small | exact  | 1024 tokens | 80 GiB | batch 57 |  79 GiB |       58 |    300 MiB | memory     | –     |
`;
  assertThrows(() => fitsIn("fit.txt", printed), UserError, "was not proved (small, exact)");
});
