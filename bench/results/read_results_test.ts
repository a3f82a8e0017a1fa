import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { kindOf, parseSweep, parseTimes } from "./read_results.ts";
import { fakeHeader, fakeRecord } from "./testing.ts";

const text = (...lines: object[]) => lines.map((line) => JSON.stringify(line) + "\n").join("");

const [exact, half] = [fakeRecord(), fakeRecord({ policy: "half" }, { status: "timeout", timing: null })];

Deno.test("parseSweep() reads a header and its records, in the order of the plan", () => {
  const header = fakeHeader([exact, half]);
  assertEquals(parseSweep(text(header, half, exact)), {
    header,
    records: [exact, half],
    skipped: [],
    versions: [3],
  });
});

Deno.test("parseSweep() skips what is no record, and says which line and why", () => {
  const header = fakeHeader([exact]);
  const strange = { ...fakeRecord(), schema: 99 };
  const cut = JSON.stringify(exact).slice(0, 300);
  const { records, skipped } = parseSweep(text(header, exact, strange, header) + cut, "results.jsonl");
  assertEquals(records, [exact]);
  assertStringIncludes(skipped[0], "results.jsonl:3: skipped, of version 99: a later Headroom reads it");
  assertStringIncludes(skipped[1], "results.jsonl:4: skipped, a second header");
  assertEquals(skipped.slice(2), ["results.jsonl:5: skipped, not a whole line of JSON"]);
});

Deno.test("parseSweep() skips lines that are no object, and of an older version what it could not have said", () => {
  const first = { schema: 1, configuration: { policy: "mesa9" }, architecture: {}, data: {} };
  const lines = ["null", "[1]", "7", '{"schema":1}', JSON.stringify(first)].join("\n");
  const { records, skipped } = parseSweep(JSON.stringify(exact) + "\n" + lines, "f");
  assertEquals([records, skipped.length], [[exact], 5]);
  assertStringIncludes(skipped[0], "f:2: skipped, Invalid input: expected object, received null");
  assertStringIncludes(skipped[3], "f:5: skipped, configuration: ");
  assertStringIncludes(skipped[4], 'f:6: skipped, Unknown policy "mesa9"');
});

const testdata = (version: number) =>
  Deno.readTextFileSync(`${import.meta.dirname}/testdata/version${version}.jsonl`);

Deno.test("parseSweep() reads what version 1 left, with what it could not say", () => {
  const { header, records, skipped, versions } = parseSweep(testdata(1));
  assertEquals([header, skipped, versions], [null, [], [1]]);
  const [trained, large] = records;
  const { configuration, architecture, data, quality, memory } = trained;
  assertEquals(configuration.storage, policyDocument("exact"));
  assertEquals([configuration.labelSmoothing, configuration.schedule], [0, null]);
  assertEquals([architecture.modelType, data.kind], ["gpt2", "text"]);
  assertEquals([quality!.validationLoss, quality!.validationTargets], [1.9855203926563263, 16384]);
  assertEquals(memory!.savedBytes > 0, true);
  assertEquals([large.status, large.configuration.storage.bits, large.quality], ["ok", 8, null]);
});

Deno.test("parseSweep() reads what version 2 left, without a header", () => {
  const { header, records, skipped, versions } = parseSweep(testdata(2));
  assertEquals([header, skipped, versions, records.length], [null, [], [2], 2]);
  assertEquals(records[0].configuration.storage.recompute, false);
});

Deno.test("kindOf() tells a sweep of any version from times of kernels", () => {
  assertEquals([1, 2].map((version) => kindOf(testdata(version))), ["sweep", "sweep"]);
  assertEquals(kindOf(text(fakeHeader([]))), "sweep");
  assertEquals(kindOf('{"kind":"kernels"}\n{"kind":"sweep"}\n'), "kernels");
  assertEquals(kindOf("no JSON"), "sweep");
});

Deno.test("parseTimes() gives header and lines, and names the line that is not whole", () => {
  const { cells: _, data, paths, growing, memory, requireGpu, ...shared } = fakeHeader([]);
  assertEquals([data, paths, growing, memory, requireGpu], [[exact.data], {}, false, null, false]);
  const header = { ...shared, kind: "kernels" as const };
  assertEquals(parseTimes(text(header, { n: 1 })), { header, lines: [{ n: 1 }] });
  assertThrows(
    () => parseTimes(text(header, { n: 1 }) + "{"),
    UserError,
    "Line 3 of the results is not a whole line",
  );
  assertThrows(() => parseTimes(""), UserError, "The results are empty");
});
