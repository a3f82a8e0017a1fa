import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { resultsOf, withResults } from "./readme.ts";
import { readReports, type Reports } from "./reports.ts";
import { readEntries } from "./reports_index.ts";
import { reportsPage } from "./reports_page.ts";
import { anchor, answersPage, resultsPage } from "./results_page.ts";
import { only, sweep, trained } from "./testing.ts";

const root = `${import.meta.dirname}/../..`;
const readme = await Deno.readTextFile(`${root}/README.md`);

const reports = await readReports(root);
const again =
  "write them again: deno run --allow-read --allow-run=git --allow-write=README.md,reports bench/readme/write.ts";

Deno.test("The README's results, and the list of reports, are what the committed reports say", async () => {
  assertEquals(resultsOf(readme), answersPage(reports), again);
  const list = await Deno.readTextFile(`${root}/reports/README.md`);
  assertEquals(list, reportsPage(reports, await readEntries(`${root}/reports`)), again);
});

Deno.test("Every file and heading that the results link to is there, and they open with their only picture", async () => {
  const list = await Deno.readTextFile(`${root}/reports/README.md`);
  const headings = [...list.matchAll(/^#+ (.*)$/gm)].map(([, title]) => anchor(title));
  const linked = [
    ...[...resultsOf(readme).matchAll(/\]\(([^)]+)\)/g)].map(([, path]) => path),
    ...[...list.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => `reports/${path}`),
  ];
  assert(linked.length > 30);
  assert(!resultsOf(readme).includes("](#"), "a heading of the list is none of the README");
  for (const path of linked) {
    const [file, heading] = path.split("#");
    await Deno.stat(`${root}/${file}`);
    assert(heading === undefined || headings.includes(heading), path);
  }
  assertEquals(resultsOf(readme).split("\n").flatMap((line, i) => /^\||!\[/.test(line) ? i : []), [0]);
});

Deno.test("The README's answers are no longer than is read", () => {
  const answers = resultsOf(readme).split("\n").filter((line) => line.startsWith("- "));
  assert(answers.length > 10);
  assertEquals(answers.filter((answer) => answer.length > 1300), []);
});

Deno.test("The README has no table of measurements but in its results", () => {
  const rest = withResults(readme, "");
  for (const unit of [/\d (?:[MG]iB|ms)\b/, /\d\.\d+×/, /(?:tokens|images)\/s[^*]*\d/]) {
    assertEquals(rest.split("\n").filter((line) => unit.test(line)), []);
  }
});

Deno.test("resultsPage() leaves out what was not measured", () => {
  const page = resultsPage({ sweeps: {}, peers: {} });
  assertStringIncludes(page, "Every figure is computed");
  assertEquals(page.includes("###"), false);
  assertEquals(answersPage({ sweeps: {}, peers: {} }), "");
  assertEquals(/undefined|NaN|null/.test(resultsOf(readme)), false);
});

Deno.test("answersPage() names the cards on which what it takes of a section was measured", () => {
  const on = (adapter: string) => {
    const all = [...trained("exact", [1, 2]), ...trained("mst8", [1, 2])];
    const there = all.map((one) => ({ ...one, environment: { ...one.environment, adapter } }));
    return { ...sweep(...there), report: `reports/${adapter}/report.md` };
  };
  const told = (sweeps: Reports["sweeps"]) =>
    answersPage(only(sweeps)).match(/\(reports\/README\.md#quality\)(.*)/)?.[1];
  assertEquals(told({ quality: on("First"), grid: on("Second") }), ", measured on First");
  assertEquals(
    told({ quality: on("First"), qualityCurve: on("Second") }),
    ", measured on First and Second",
  );
});

Deno.test("withResults() changes what lies between the markers and nothing else", () => {
  const page = (text: string) =>
    `before\n\n<!-- results:begin -->\n<!-- deno-fmt-ignore-start -->\n\n${text}\n\n<!-- deno-fmt-ignore-end -->\n<!-- results:end -->\n\nafter\n`;
  assertEquals(withResults(page("old"), "new"), page("new"));
  assertEquals(resultsOf(page("old")), "old");
  assertThrows(() => withResults("before\n", "new"), UserError, "results:begin");
});
