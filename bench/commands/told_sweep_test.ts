import { parse } from "@optique/core";
import { assert } from "@std/assert";
import { glance, profiles } from "../sweep/profiles.ts";
import { modelOf } from "../results/results.ts";
import { reportRows } from "../testing/report_rows.ts";
import { options } from "./bench.ts";
import { checkCell, toldSweep } from "./told_sweep.ts";

for (const [name, , made] of await reportRows()) {
  if (!made.startsWith("bench") || made.startsWith("bench kernels")) continue;
  Deno.test(`The row ${name} of the script of reports is a sweep whose cells can run on a card`, () => {
    const parsed = parse(options, made.split(" ").slice(1).map((word) => word.replace(/^@/, "")));
    assert(parsed.success, JSON.stringify(parsed));
    const { named, config: _, ...told } = parsed.value;
    const sized = told.models.length > 0;
    const { cells } = toldSweep(told, named ? profiles[named]("gpu") : sized ? profiles.gpu("gpu") : glance);
    assert(cells.length > 0);
    for (const cell of cells) checkCell(cell, modelOf(cell));
  });
}
