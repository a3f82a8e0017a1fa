import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { resultsOf, withResults } from "./readme.ts";
import { readReports } from "./reports.ts";
import { resultsPage } from "./results_page.ts";

const root = `${import.meta.dirname}/../..`;
const readme = await Deno.readTextFile(`${root}/README.md`);

Deno.test("The README's results are what the committed reports say", async () => {
  assertEquals(
    resultsOf(readme),
    resultsPage(await readReports(root)),
    "write them again: deno run --allow-read --allow-write=README.md bench/readme/write.ts",
  );
});

Deno.test("Every report and picture that the results name is there, and there are at most two pictures", async () => {
  const results = resultsOf(readme);
  const links = [...results.matchAll(/\]\((reports\/[^)]+)\)/g)].map(([, path]) => path);
  for (const path of links) await Deno.stat(`${root}/${path}`);
  assert(links.length > 0);
  assert(results.match(/!\[/g)!.length <= 2);
});

Deno.test("The README has no table of measurements but in its results", () => {
  const rest = withResults(readme, "");
  for (const unit of [/\d (?:[MG]iB|ms)\b/, /\d\.\d+×/, /(?:tokens|images)\/s[^*]*\d/]) {
    assertEquals(rest.split("\n").filter((line) => unit.test(line)), []);
  }
});

Deno.test("resultsPage() leaves out what was not measured", () => {
  const page = resultsPage({ sweeps: {}, peers: {} });
  assertStringIncludes(page, "computes every figure");
  assertEquals(page.includes("###"), false);
  assertEquals(/undefined|NaN|null/.test(resultsOf(readme)), false);
});

Deno.test("withResults() changes what lies between the markers and nothing else", () => {
  const page = (text: string) =>
    `before\n\n<!-- results:begin -->\n<!-- deno-fmt-ignore-start -->\n\n${text}\n\n<!-- deno-fmt-ignore-end -->\n<!-- results:end -->\n\nafter\n`;
  assertEquals(withResults(page("old"), "new"), page("new"));
  assertEquals(resultsOf(page("old")), "old");
  assertThrows(() => withResults("before\n", "new"), UserError, "results:begin");
});
