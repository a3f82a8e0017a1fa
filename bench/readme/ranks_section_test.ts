import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fakeMeasurement, fakeRecord } from "../results/testing.ts";
import { ranksSection } from "./ranks_section.ts";
import { sweepOf } from "./reports.ts";
import { answersPage } from "./results_page.ts";
import { only } from "./testing.ts";

const exchange = { count: 4, bytes: 2 ** 20, compute: 7, map: 1, transfer: 1, write: 0 };
const rank = (card: string) => ({
  ...{ host: "node7", adapter: "a card", card, ledgerPeakBytes: 9, bufferBytes: 3 * 2 ** 20 },
  exchanges: [exchange],
});
const timing = { clock: "gpu" as const, stepMilliseconds: [10], setupMilliseconds: 500 };
const shared = (cards: number) =>
  fakeRecord({ ranks: cards }, {
    timing,
    ranks: Array.from({ length: cards }, (_, card) => rank(`${card}`)),
    memory: fakeMeasurement().memory,
  });
const sweep = (folder: string, cards: number) =>
  sweepOf(`reports/${folder}/report.md`, [{ results: JSON.stringify(shared(cards)), report: "" }]);

Deno.test("ranksSection() tells what crossed between cards, each sweep with its table and its report", () => {
  const { adapter } = shared(2).environment;
  const both = only({ ranksSequence: sweep("sequence", 2), ranksBatch: sweep("batch", 4) });
  const [title, sentence, other, ...rest] = ranksSection(both)!.split("\n\n");
  assertEquals(title, "### Several cards");
  assertStringIncludes(sentence, `a card of its own, ${adapter};`);
  assertStringIncludes(other, "on 2 ranks): each rank takes at most 3 MiB of buffers, 2 MiB cross");
  assertStringIncludes(sentence, "on 4 ranks): each rank takes at most 3 MiB of buffers, 4 MiB cross");
  assertEquals(rest.filter((block) => block.startsWith("|")).length, 2);
  assert(rest.at(-1)!.includes("reports/sequence") && rest.at(-1)!.includes("reports/batch"));
  assertEquals(ranksSection(only({})), null);
});

Deno.test("ranksSection() tells how long a sequence ranks trained beside one card's", () => {
  const long = (folder: string, sequence: number, bufferBytes: number, ranks?: ReturnType<typeof rank>[]) =>
    sweepOf(`reports/${folder}/report.md`, [{
      results: JSON.stringify(fakeRecord({ sequence, ...ranks && { ranks: ranks.length } }, {
        ...{ timing, ranks, memory: { ...fakeMeasurement().memory!, bufferBytes } },
      })),
      report: "",
    }]);
  const sweeps = {
    ranksLength: long("two", 2440, 17 * 2 ** 20, [rank("0"), { ...rank("1"), bufferBytes: 19 * 2 ** 20 }]),
    ranksOne: long("one", 1000, 23 * 2 ** 20),
  };
  const section = ranksSection(only(sweeps))!;
  assertStringIncludes(
    section,
    "nano under `exact` 1,000 tokens take 23 MiB of buffers on one card, and 2,440, chosen to be 2.44× as many, at most 19 MiB on each of 2,",
  );
  assertStringIncludes(section, "reports/one");
  assert(!ranksSection(only({ ranksLength: sweeps.ranksLength }))!.includes("as many"));
});

Deno.test("ranksSection() tells where ranks shared a card", () => {
  const one = { ...shared(2), ranks: [rank("A"), rank("A")] };
  const sweep = sweepOf("reports/shared/report.md", [{ results: JSON.stringify(one), report: "" }]);
  assertStringIncludes(ranksSection(only({ ranksBatch: sweep }))!, "Some ranks share a card,");
});

Deno.test("The README says of how many cards together nothing is shown", () => {
  assertStringIncludes(answersPage(only({ ranksBatch: sweep("batch", 4) })), "of more than 4 cards together");
  assertStringIncludes(answersPage(only({ text: sweep("text", 1) })), "of several cards together");
});

Deno.test("The README says which questions no report answers", () => {
  const text = answersPage(
    only({ text: sweep("text", 1), grid: sweep("grid", 1), states: sweep("states", 1) }),
  );
  const told = text.split("**Not shown.** ")[1].split("\n")[0];
  assertStringIncludes(
    told,
    "in fewer bytes ends as well, how long the sequences are that MST's own models train on, whether",
  );
  assertStringIncludes(told, ", or every policy with every choice of a step.");
});
