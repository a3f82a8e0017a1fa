import { argument, command, type InferValue, message, object, option } from "@optique/core";
import { UserError } from "../../src/errors.ts";
import { printJson } from "../../src/text/print_json.ts";
import { plural } from "../../src/text/format.ts";
import { compareReports, usualTolerance } from "../compare/comparison.ts";
import { biggerIsBetter, comparisonJson, smallerIsBetter } from "../compare/forms.ts";
import { exitCodes, gate } from "../compare/gate.ts";
import { renderComparison } from "../compare/render.ts";
import { defaulted, folder, maybe } from "../options/options.ts";
import { allowance, word } from "../options/value_parsers.ts";
import { readReport } from "../results/read_results.ts";
import { tellSkipped } from "./report_paths.ts";

const forms = ["markdown", "json", "customBiggerIsBetter", "customSmallerIsBetter"] as const;

const twoFolders =
  message`Expected two folders: give the report to compare with, then the one that is compared`;

const options = object({
  base: argument(folder, {
    description: message`Report to compare with`,
    errors: { endOfInput: twoFolders },
  }),
  own: argument(folder, {
    description: message`Report that is compared`,
    errors: { endOfInput: twoFolders },
  }),
  tolerance: defaulted(
    "--tolerance",
    allowance,
    usualTolerance,
    message`What counts as the same speed`,
  ),
  maxSlowdown: maybe(
    "--max-slowdown",
    allowance,
    message`End with 3 if a cell became slower by more, with 4 if its interval does not exclude that`,
  ),
  maxMemory: maybe(
    "--max-memory",
    allowance,
    message`End with 3 if a cell takes more memory by more than that`,
  ),
  across: option("--across", {
    description:
      message`Compare reports of different adapters, drivers, runtimes, schema versions or choices of a step, such as its arithmetic, too`,
  }),
  form: defaulted(
    "--form",
    word("FORM", forms),
    "markdown",
    message`What to print; the last two are those of github-action-benchmark`,
  ),
  json: option("--json", { description: message`The same as ${"--form json"}` }),
});
const brief = message`Compare two reports cell by cell: speed, memory, losses`;

export const compare = command("compare", options, { brief }).map((o) => () => compareFolders(o));

/** Prints the comparison of two reports. Returns the exit code: that of the gate, where there are limits. */
async function compareFolders(o: InferValue<typeof options>): Promise<number> {
  if (o.json && o.form !== "markdown" && o.form !== "json") {
    throw new UserError(`--json and --form ${o.form} are two forms; leave one of them out`);
  }
  const [base, own] = [await readReport(o.base), await readReport(o.own)];
  const comparison = compareReports(base, own, o);
  for (const { results } of [base, own]) tellSkipped(results);
  const found = gate(comparison, o);
  const print = {
    markdown: () => console.log(renderComparison(comparison, found)),
    json: () => printJson(comparisonJson(comparison, found)),
    customBiggerIsBetter: () => printJson(biggerIsBetter(comparison)),
    customSmallerIsBetter: () => printJson(smallerIsBetter(comparison)),
  };
  print[o.json ? "json" : o.form]();
  if (found.exceeded.length > 0) console.error(`${plural(found.exceeded.length, "cell")} beyond the limit`);
  if (found.undecided.length > 0) {
    console.error(`${plural(found.undecided.length, "cell")} not decided, so no pass: measure more rounds`);
  }
  return found.exceeded.length > 0
    ? exitCodes.exceeded
    : found.undecided.length > 0
    ? exitCodes.undecided
    : 0;
}
