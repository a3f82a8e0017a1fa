import { assertEquals } from "@std/assert";
import type { CellConfiguration, CellMeasurement } from "../results/results.ts";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { compare } from "./cell_rounds.ts";
import { ranksSection, ranksSentences } from "./ranks_table.ts";

const MiB = 2 ** 20;

/** What an exchange of a step took: 1 MiB out, and shares of 10 ms. */
const took = (compute: number | null, map: number, transfer: number, write: number) => ({
  ...{ count: 4, bytes: MiB, compute, map, transfer, write },
});

const timing = { clock: "gpu" as const, stepMilliseconds: [10, 10], setupMilliseconds: 500 };

const rank = (card: string, mebibytes: number, exchanges: ReturnType<typeof took>[]) => ({
  ...{
    host: "node7",
    adapter: "a card",
    card,
    ledgerPeakBytes: 9 * MiB,
    bufferBytes: mebibytes * MiB,
    exchanges,
  },
});

/** A cell that two ranks ran: the second waits for the first. */
const two = (apart = true, card = "1") =>
  fakeRecord({ ranks: 2 }, {
    timing,
    ranks: [
      rank("0", 3, [took(apart ? 6 : null, 2, 1, 0.5), took(5, 2, 1, 0.5)]),
      rank(card, 2, [took(3, 2, 3, 0.5), took(4, 2, 3, 0.5)]),
    ],
  });
const one = (changes: Partial<CellConfiguration> = {}, measured: Partial<CellMeasurement> = {}) =>
  fakeRecord(changes, {
    memory: { ...fakeMeasurement().memory!, bufferBytes: 4 * MiB },
    timing,
    ...measured,
  });

const row = (records: Parameters<typeof compare>[0]) =>
  ranksSection(compare(records))?.split("\n")[2].split("|").slice(1, -1).map((text) => text.trim());

Deno.test("ranksSection() tells memory, a step's parts and efficiency beside the same cell on one rank", () => {
  assertEquals(row([two()]), [
    ...[
      "nano",
      "4 × 128 on 2 ranks",
      "exact",
      "2 MiB–3 MiB",
      "55.00%",
      "20.00%",
      "20.00%",
      "5.00%",
      "2 MiB",
      "–",
    ],
  ]);
  assertEquals(row([one(), two()])?.slice(3), [
    ...["2 MiB–3 MiB (0.75×)", "55.00%", "20.00%", "20.00%", "5.00%", "2 MiB", "0.50×"],
  ]);
  const parted = { ...two(), configuration: { ...two().configuration, sharding: "moments" as const } };
  assertEquals(row([one(), parted])?.at(-1), "0.50×");
  for (const other of [{ batch: 8 }, { policy: "mesa8" }, { accumulate: 2 }]) {
    assertEquals(row([one(other), two()])?.at(-1), "–");
  }
  assertEquals(row([one()]), undefined);
});

Deno.test("ranksSection() says where mapping has what was computed, and who shares a card", () => {
  assertEquals(row([two(false)])?.[4], "in map");
  const sharing = ranksSection(compare([two(true, "0")]))!.split("\n\n").at(-1);
  assertEquals(
    sharing,
    "**Ranks 0 and 1 share one card of node7: give each its own, as docs/ranks.md says.**",
  );
});

Deno.test("ranksSentences() tell what sharing saves and costs; of a software adapter no times", () => {
  const records = [one(), two()];
  assertEquals(ranksSentences(compare(records)), [
    "`exact` (nano, 4 × 128 on 2 ranks): each rank takes at most **0.75×** of the buffers of one, 2 MiB cross in a step, " +
    "exchange is **45%** of it, the efficiency is **0.50×**, of one round.",
  ]);
  const soft = records.map((record) => ({
    ...record,
    environment: { ...record.environment, adapterClass: "software" as const },
  }));
  assertEquals(ranksSentences(compare(soft)), [
    "`exact` (nano, 4 × 128 on 2 ranks): each rank takes at most **0.75×** of the buffers of one, 2 MiB cross in a step.",
  ]);
});
