import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { CellRecord } from "../results/results.ts";
import { fakeHeader } from "../results/testing.ts";
import { failureWords } from "./reinvested_failures.ts";
import { reinvestmentAnswer, reinvestmentSection } from "./reinvestment.ts";
import { failing, found, records, rowsUnder, told } from "./reinvestment_testing.ts";
import { sections } from "./report.ts";
import { summarizeSweep, sweepSummary } from "./sweep_summary.ts";

type Reinvested = NonNullable<CellRecord["configuration"]["reinvested"]>;
const failedWhere = (wanted: (of: Reinvested, round: number) => boolean) =>
  records.map((record) => {
    const { reinvested, round } = record.configuration;
    return reinvested && wanted(reinvested, round) ? failing(record) : record;
  });
/** No run of the deeper model in equal time came to its end. */
const noTime = failedWhere(({ into, pace }) => into === "depth" && pace !== undefined);
/** One of three did not. */
const oneSeed = failedWhere(({ into, pace }, round) => into === "depth" && pace !== undefined && round === 1);

const lossesOf = (some: readonly CellRecord[]) =>
  rowsUnder(reinvestmentSection(told, some)!, /^\| model, step .*learning rate/);

Deno.test("failureWords() tells what came to no end, and of how many; what diverged is a result", () => {
  const [first, ...rest] = records.slice(0, 3);
  assertEquals(failureWords([first, ...rest]), null);
  assertEquals(failureWords([failing(first)]), "timed out");
  assertEquals(failureWords([failing(first), ...rest]), "timed out, 1 of 3 runs");
  assertEquals(
    failureWords([failing(first), failing(rest[0], "oom"), rest[1]]),
    "timed out and out of memory, 2 of 3 runs",
  );
  assertEquals(failureWords([{ ...first, status: "diverged" }]), null);
});

Deno.test("reinvestmentAnswer() counts ways whose runs came to no end, and names them", () => {
  assertStringIncludes(
    reinvestmentAnswer(told, noTime)!,
    "in equal time 0 of 2 ways measurably lower the loss, 0 raise it, 1 did not run to the end; ",
  );
  assertStringIncludes(
    reinvestmentAnswer(told, noTime)!,
    "`mesa8` with 3 layers (timed out) did not run to the end; in equal tokens 1 of 2 ways measurably lowers the loss, 1 raises it; the lowest of those is",
  );
  const none = failedWhere(({ pace }) => pace !== undefined);
  assertStringIncludes(
    reinvestmentAnswer(told, none)!,
    "in equal time no loss of more than one seed is known; `mesa8` with 8 sequences (timed out) and `mesa8` with 3 layers (timed out) did not " +
      "run to the end; in equal tokens 1 of 2",
  );
  assertStringIncludes(
    reinvestmentAnswer(told, oneSeed)!,
    "`mesa8` with 3 layers (timed out, 1 of 3 runs) did not run to the end; in equal tokens",
  );
  const survivor = failedWhere(({ into, pace }, round) =>
    into === "depth" && pace !== undefined && round > 0
  );
  assertStringIncludes(
    reinvestmentAnswer(told, survivor)!,
    "in equal time 0 of 2 ways measurably lower the loss, 0 raise it, 1 did not run to the end;",
  );
  assert(/in equal time \d of 2 ways/.test(reinvestmentAnswer(told, oneSeed)!), "counted by its other seeds");
  const unpaced = records.filter(({ configuration: { reinvested } }) =>
    reinvested?.into !== "depth" || !reinvested.pace
  );
  for (const ended of [records, unpaced]) {
    assert(!reinvestmentAnswer(told, ended)!.includes("run to the end"));
  }
});

Deno.test("reinvestmentAnswer() names what came to no end where nothing was trained, too, and in equal time alone", () => {
  const untrained = noTime.map((record) => ({ ...record, quality: null }));
  assertStringIncludes(
    reinvestmentAnswer(told, untrained)!,
    "and `mesa8` takes 3 layers at 0.500× (0.500–0.500) of `exact`'s tokens a second. `mesa8` with 3 layers (timed out, 3 of 6 runs) did not run " +
      "to the end.",
  );
  const alone = failedWhere(({ into }) => into === "depth").map((record) => ({ ...record, quality: null }));
  assertStringIncludes(
    reinvestmentAnswer(told, alone)!,
    "10 MiB: `mesa8` takes 8 sequences at 1.250× (1.250–1.250) of `exact`'s tokens a second. `mesa8` with 3 layers (timed out) did not run to the end.",
  );
});

const failedExact = (some: readonly CellRecord[], wanted: (round: number) => boolean) =>
  some.map((record) => {
    const { policy, round } = record.configuration;
    return policy === "exact" && wanted(round) ? failing(record) : record;
  });

Deno.test("reinvestmentAnswer() and the table of speeds tell that exact came to no end, and what ran beside it", () => {
  const none = failedExact(records, () => true);
  assertStringIncludes(
    reinvestmentAnswer(told, none)!,
    "10 MiB: `mesa8` takes 8 sequences and `mesa8` takes 3 layers. `exact` (timed out) did not run to the end.",
  );
  const columns = (some: readonly CellRecord[]) =>
    rowsUnder(reinvestmentSection(told, some)!, /^\| model, step .*buffers/).map((line) => line.slice(5));
  assertEquals(columns(none), [["–", "timed out"], ["40,960", "–"], ["64,000", "–"], ["25,600", "–"]]);
  const one = failedExact(records, (round) => round === 1);
  assertEquals(columns(one)[0], ["51,200", "1.00×; timed out, 1 of 3 runs"]);
  assertStringIncludes(
    reinvestmentAnswer(told, one)!,
    "10 MiB: `exact` (timed out, 1 of 3 runs) did not run to the end; in equal time",
  );
  const alone = records.filter(({ configuration }) => !configuration.reinvested);
  assertStringIncludes(
    reinvestmentAnswer(told, alone.map((record) => ({ ...record, quality: null })))!,
    "10 MiB: Nothing was re-invested.",
  );
});

Deno.test("The table of losses tells by equal time and by equal tokens what came to no end", () => {
  const [, , batch, deep] = lossesOf(noTime).map((line) => line.slice(4));
  assertEquals(deep.slice(0, 3), ["timed out", "–", "–"]);
  assert(deep[5].endsWith("**lower**"));
  assert(!batch.join().includes("timed out"));
  const [, , , partly] = lossesOf(oneSeed).map((line) => line.slice(4));
  assertEquals(partly[0], "50");
  assert(partly[2].endsWith("; timed out, 1 of 3 runs"));
  const tokens = failedWhere(({ into, pace }, round) => into === "depth" && !pace && round === 1);
  const speeds = rowsUnder(reinvestmentSection(told, tokens)!, /^\| model, step .*buffers/);
  assertEquals(speeds[3].at(-1), "0.50× (no interval); timed out, 1 of 3 runs");
});

Deno.test("What failed holds a row for each way to re-invest that did not end well, and the one of its own size", () => {
  const grown = failedWhere(({ into }, round) => into === "depth" && round === 1);
  const all = grown.map((record) => {
    const { policy, reinvested, round } = record.configuration;
    return policy === "mesa8" && !reinvested && round === 0 ? failing(record, "error") : record;
  });
  const rows = (some: readonly CellRecord[]) => {
    const { table } = sections(some, told).find(({ title }) => title === "What failed")!;
    return rowsUnder(table, /^\| model/);
  };
  assertEquals(rows(all), [
    ["nano", "4 × 128", "mesa8", "failed", "–", "no answer in 60 s"],
    ["nano-3-layers", "4 × 128", "mesa8, in equal tokens", "timed out", "–", "no answer in 60 s"],
    ["nano-3-layers", "4 × 128", "mesa8, in equal time", "timed out", "–", "no answer in 60 s"],
  ]);
  const timed = grown.filter(({ configuration }) => !configuration.reinvested?.pace)
    .map((record) => ({ ...record, configuration: { ...record.configuration, qualitySteps: 0 } }));
  assertEquals(rows(timed).map(([, , policy]) => policy), ["mesa8"]);
  assertEquals(sections(records, told).some(({ title }) => title === "What failed"), false);
});

Deno.test("summarizeSweep() tells of each size the status of a run that came to no end, and its message", () => {
  const statuses = (some: readonly CellRecord[]) => {
    const summary = summarizeSweep("folder", {
      header: fakeHeader(some, { reinvest: [found] }),
      records: some,
    });
    assertEquals(sweepSummary.parse(summary), summary);
    return summary.reinvested!.map(({ status, message }) => [status, message]);
  };
  const ok = ["ok", null];
  assertEquals(statuses(records), [ok, ok, ok]);
  assertEquals(statuses(noTime), [ok, ok, ["timeout", "no answer in 60 s"]]);
  const diverged = (some: readonly CellRecord[]) =>
    some.map((record) =>
      record.configuration.reinvested?.into === "depth" && !record.configuration.reinvested.pace
        ? { ...record, status: "diverged" as const }
        : record
    );
  assertEquals(statuses(diverged(records)), [ok, ok, ["diverged", null]]);
  assertEquals(statuses(diverged(noTime)), [ok, ok, ["timeout", "no answer in 60 s"]]);
});
