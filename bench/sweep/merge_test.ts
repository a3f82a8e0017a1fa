import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { checkSweep } from "../report/check_sweep.ts";
import { processName } from "../results/process_name.ts";
import { parseSweep } from "../results/read_results.ts";
import type { SweepHeader } from "../results/run_header.ts";
import type { CellRecord } from "../results/results.ts";
import { fakeConfiguration, fakeHeader, fakeRecord } from "../results/testing.ts";
import type { Report } from "../results/read_results.ts";
import { mergeSweeps } from "./merge.ts";
import { cellsOfShard } from "./shards.ts";

const cells = [16, 32, 64].flatMap((sequence) =>
  ["exact", "mesa8"].map((policy) => fakeConfiguration({ sequence, policy, qualitySteps: 2 }))
);

/** What shard `index` of three left, whose variants were tuned for its own cells. */
function part(
  index: number,
  changes: Partial<SweepHeader> = {},
  of = 3,
  edited: (records: CellRecord[]) => CellRecord[] = (records) => records,
): Report {
  const shard = { index, of };
  const own = cellsOfShard(cells, shard);
  const tuned = cells.map((cell) =>
    own.includes(cell) ? { ...cell, variants: { product: `of ${index}` } } : cell
  );
  const header = fakeHeader([], {
    cells: tuned,
    shard,
    command: `deno task bench --model nano --shard ${index}/${of} --out 'some where/${index}' --rounds 1`,
    started: `2026-11-22T01:01:0${9 - index}.000Z`,
    ...changes,
  });
  const records = cellsOfShard(header.cells, shard).map((cell) => ({
    ...fakeRecord(cell),
    environment: header.environment,
  }));
  const lines = [header, ...edited(records)].map((line) => JSON.stringify(line));
  return { folder: `s${index}`, results: parseSweep(lines.join("\n")) };
}

Deno.test("mergeSweeps() makes the sweep that one process would have made, which check passes", () => {
  const { header, records } = mergeSweeps([part(3), part(1), part(2)]);
  assertEquals(header.command, "deno task bench --model nano --rounds 1");
  assertEquals([header.shard, header.started], [undefined, "2026-11-22T01:01:06.000Z"]);
  assertEquals(records.map(({ configuration }) => configuration), header.cells);
  assertEquals(header.cells.map(({ variants: _, ...cell }) => cell), cells);
  const text = [header, ...records].map((line) => JSON.stringify(line)).join("\n");
  assertEquals(checkSweep(parseSweep(text)).filter(({ pass }) => !pass), []);
});

Deno.test("mergeSweeps() takes each shard's own steps of equal time, as it takes its variants", () => {
  const timed = (own: number) => {
    const reinvested = { model: "nano", batch: 4, pace: { exact: 10, own } };
    const steps = Math.round(200 / own);
    const schedule = { warmupSteps: 1, totalSteps: steps, minimumFraction: 0 };
    return [
      ...cells,
      ...[1, 2, 3].map((seed) => ({ ...cells[1], seed, reinvested, schedule, qualitySteps: steps })),
    ];
  };
  const parts = [10, 20, 40].map((own, i) => part(i + 1, { cells: timed(own) }));
  const { header, records } = mergeSweeps(parts);
  const steps = header.cells.slice(cells.length).map(({ qualitySteps }) => qualitySteps);
  const wanted = [1, 2, 3].map((seed) => {
    const owner = parts.findIndex(({ results }) =>
      results.records.some(({ configuration }) => configuration.seed === seed && configuration.reinvested)
    );
    return [20, 10, 5][owner];
  });
  assertEquals(steps, wanted);
  assertEquals(records.map(({ configuration }) => configuration), header.cells);
  const longer = timed(10).map((cell) => cell.reinvested ? { ...cell, learningRate: 1 } : cell);
  assertThrows(
    () => mergeSweeps([part(1, { cells: timed(10) }), part(2, { cells: longer })]),
    UserError,
    "plans",
  );
});

Deno.test("mergeSweeps() leaves what no shard has run missing", () => {
  const { header, records } = mergeSweeps([part(1), part(3)]);
  assertEquals([header.cells.length, records.length], [6, 4]);
  const text = [header, ...records].map((line) => JSON.stringify(line)).join("\n");
  assertEquals(checkSweep(parseSweep(text)).filter(({ pass }) => !pass).length, 1);
});

Deno.test("mergeSweeps() refuses what are no shards of one sweep", () => {
  const { environment, data } = fakeRecord();
  const refused: [Report[], string][] = [
    [[part(1), part(1)], "s1 and s1 are both shard 1"],
    [
      [part(1), part(2, { environment: { ...environment, adapter: "Another" } })],
      "different adapters (Imaginary 9000, Another)",
    ],
    [
      [part(1), part(2, { environment: { ...environment, driver: "2" } })],
      "different drivers (Imaginary 1.2, 2)",
    ],
    [
      [part(1), part(2, { environment: { ...environment, runtime: "dawn" } })],
      "different runtimes (native, dawn)",
    ],
    [[part(1), part(2, { environment: { ...environment, commit: "beef" } })], "different commits"],
    [[part(1), part(2, { sources: "other" })], "different sources (fedcba9876543210, other)"],
    [[part(1), part(2, { data: [{ ...data, digest: "beef" }] })], "different data"],
    [[part(1), part(2, { data: [{ ...fakeRecord().data, digest: "another" }] })], "different data"],
    [[part(1), part(2, { requireGpu: true })], "different options"],
    [[part(1), part(2, { growing: true })], "different options"],
    [[part(1), part(2, { memory: 2 ** 30 })], "different options"],
    [
      [part(1), part(2, { stopping: { precision: 0.01, fewestRounds: 6, maxSeconds: 300 } })],
      "different options",
    ],
    [[part(1), part(2, { longest: { unit: 64, found: [] } })], "different longest sequences"],
    [[part(1), part(2, { reinvest: [] })], "different budgets"],
    [[part(1), part(2, { frontier: { most: 2, planned: [] } })], "different frontiers"],
    [[part(1), part(2, { peers: { command: "python peers.py", rows: [] } })], "different rows of PyTorch's"],
    [[
      part(1),
      part(2, { cells: cells.slice(0, 5).concat(fakeConfiguration({ sequence: 64, policy: "half" })) }),
    ], "different plans"],
    [[part(1), part(2, {}, 2)], "different numbers of shards"],
    [[part(1, { shard: undefined })], "s1 is no shard of a sweep"],
  ];
  for (const [parts, sentence] of refused) assertThrows(() => mergeSweeps(parts), UserError, sentence);
});

Deno.test("mergeSweeps() goes by plans and options, and not by how a command was worded or how long a process may take", () => {
  const others: Partial<SweepHeader>[] = [
    { command: "deno task bench --model nano --shard 2/3 --rounds 1 --json" },
    { command: "headroom bench --rounds 1 --model nano --shard 2/3" },
    {
      command: "deno task bench --model nano --shard 2/3 --data ../text.txt",
      paths: { data: "../text.txt" },
    },
    { command: "deno task bench --model nano --shard 2/3 --rounds 1 --timeout 900", timeout: 900 },
  ];
  for (const changes of others) {
    const inOrder = mergeSweeps([part(1), part(2, changes), part(3)]);
    assertEquals(inOrder.records.length, cells.length);
    assertEquals(inOrder.header.command, "deno task bench --model nano --rounds 1");
    assertEquals(mergeSweeps([part(2, changes), part(3), part(1)]), inOrder, "in any order of folders");
  }
});

Deno.test("mergeSweeps() has a record that a shard holds twice left out by --resume, and names its process as check does", () => {
  const doubled = part(1, {}, 3, (records) => [...records, records[0]]);
  const [first] = doubled.results.records;
  assertThrows(
    () => mergeSweeps([doubled, part(2)]),
    UserError,
    `s1 holds ${
      processName(first.configuration)
    } twice; resume it with \`deno task bench --resume s1\`, which keeps one`,
  );
});

Deno.test("mergeSweeps() refuses records that are not a shard's own", () => {
  const [other] = part(2).results.records;
  const changed = (changes: Partial<CellRecord["environment"]>) => ([first, ...rest]: CellRecord[]) => [
    { ...first, environment: { ...first.environment, ...changes } },
    ...rest,
  ];
  const remedy = "take its line out of s1/results.jsonl, or run the shard again";
  const refused: [edited: (records: CellRecord[]) => CellRecord[], sentence: string][] = [
    [(records) => [...records, other], "s1 holds a record that is none of shard 1 (nano 4 × "],
    [changed({ commit: "beef" }), "is of another adapter, program or commit than its header"],
    [changed({ adapter: "Another" }), "is of another adapter, program or commit than its header"],
  ];
  for (const [edited, sentence] of refused) {
    const error = assertThrows(() => mergeSweeps([part(1, {}, 3, edited), part(2)]), UserError, sentence);
    assertStringIncludes(error.message, remedy);
  }
});

Deno.test("mergeSweeps() has a damaged record made again by --resume, and a damaged header by the shard's command", () => {
  const damaged = (line: number): Report => {
    const { results: { header, records } } = part(1);
    const lines = [header, ...records].map((line) => JSON.stringify(line));
    lines[line] = lines[line].slice(0, 40);
    return { folder: "s1", results: parseSweep(lines.join("\n")) };
  };
  assertThrows(
    () => mergeSweeps([damaged(1), part(2)]),
    UserError,
    "resume it with `deno task bench --resume s1`",
  );
  const lost = assertThrows(
    () => mergeSweeps([damaged(0), part(2)]),
    UserError,
    "s1 does not tell what was planned (results.jsonl:1: skipped, ",
  );
  assertStringIncludes(
    lost.message,
    "take the first line from a copy of the folder, or run its command again",
  );
});
