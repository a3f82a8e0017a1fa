import { markdownTable } from "markdown-table";
import { duration, number, percentage, plural } from "../../src/text/format.ts";
import type { CellRecord } from "../results/results.ts";
import { crowding } from "../results/timed_alone.ts";
import type { Stopping } from "../results/run_header.ts";
import { reach } from "../statistics/paired_ratio.ts";
import { median } from "../statistics/statistics.ts";
import { mostRepeats, unsteadyTimes } from "../sweep/steady_clock.ts";
import { stopBefore, untilPrecise } from "../sweep/stopping.ts";
import { Cell, recordsOf } from "./cell_rounds.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";

/**
 * How well speeds are known: each comparison's rounds and the interval that they reached, the card's state, drift. Null where nothing had
 * rounds enough for an interval, nor was meant to have.
 */
export function roundsSection(
  comparisons: readonly Comparison<Cell>[],
  records: readonly CellRecord[],
  stopping?: Stopping,
): string | null {
  const rows = comparisons.map((comparison) => row(comparison, stopping));
  const known = rows.some(({ far }) => far !== null);
  if (!stopping && (!known || records[0].environment.adapterClass === "software")) return null;
  const header = [
    "model",
    "tokens",
    "rounds",
    "widest interval",
    "of",
    "time",
    ...stopping ? ["ended by"] : [],
  ];
  const table = markdownTable([header, ...rows.map(({ cells }) => cells)], {
    align: ["l", "r", "r", "r", "l", "r", "l"],
  });
  const sentences = [
    ...stopping ? [ruleSentence(stopping)] : [],
    ...cardSentence(records),
    ...repeatSentence(records),
    ...driftSentence(comparisons, records),
  ];
  return [table, ...sentences.length ? [sentences.join(" ")] : []].join("\n\n");
}

/** A comparison's row, and how far its widest interval reaches. */
function row(
  comparison: Comparison<Cell>,
  stopping: Stopping | undefined,
): { far: number | null; cells: string[] } {
  const base = baseOf(comparison);
  const all = [...comparison.cells].flatMap(([policy, cell]) => {
    const paired = cell === base ? null : cell.speedAgainst(base);
    const far = paired && reach(paired);
    return far === null ? [] : [{ policy, far }];
  });
  const widest = all.length ? all.reduce((one, other) => other.far > one.far ? other : one) : null;
  const records = recordsOf([comparison]);
  const rounds = new Set(records.map(({ configuration }) => configuration.round)).size;
  const why = stopping && (stopBefore(rounds, records, untilPrecise(stopping))?.why ?? "neither");
  const end = why === "precision" && !widest ? withoutInterval(comparison) : why;
  return {
    far: widest && widest.far,
    cells: [
      ...names(comparison),
      `${rounds}`,
      widest ? `±${percentage(widest.far)}` : "none",
      widest?.policy ?? "–",
      duration(records.reduce((sum, { seconds }) => sum + seconds, 0)),
      ...end ? [end] : [],
    ],
  };
}

/** Why rounds that were precise enough have no interval here: a sweep does not know yet of each process whether it was alone. */
function withoutInterval(comparison: Comparison<Cell>): string {
  const base = new Cell(baseOf(comparison).records);
  const inAll = [...comparison.cells.values()].some((cell) =>
    cell !== baseOf(comparison) && new Cell(cell.records).speedAgainst(base)?.interval
  );
  return inAll ? "precision, by rounds that do not count here" : "nothing to compare";
}

const ruleSentence = ({ precision, fewestRounds, maxSeconds }: Stopping) =>
  `Rounds went on until the 95% interval of every policy's speed was within ±${
    Number((100 * precision).toPrecision(3))
  }% of it, for at least ${plural(fewestRounds, "round")}, or until ${
    duration(maxSeconds)
  } of timing were over, or the last planned round.`;

/** "The card ran at 1,755–1,980 of at most 1,980 MHz, 40–61 °C and 310–540 W." */
function cardSentence(records: readonly CellRecord[]): string[] {
  const cards = records.flatMap(({ timing }) => timing?.card ?? []);
  const range = (values: (number | null)[], unit: string) => {
    const known = values.filter((value) => value !== null);
    if (known.length === 0) return [];
    const ends = new Set([Math.min(...known), Math.max(...known)].map((value) => number(Math.round(value))));
    return [[...ends].join("–") + unit];
  };
  const most = Math.max(...cards.map(({ maxClockMegahertz }) => maxClockMegahertz ?? 0));
  const facts = [
    ...range(cards.map((card) => card.clockMegahertz), most > 0 ? ` of at most ${number(most)} MHz` : " MHz"),
    ...range(cards.map((card) => card.celsius), " °C"),
    ...range(cards.map((card) => card.watts), " W"),
  ];
  return facts.length ? [`While steps were timed, the driver told ${facts.join(", ")}.`] : [];
}

/** How many processes were timed again, and how many of those whose times count are not steady for all that. */
function repeatSentence(records: readonly CellRecord[]): string[] {
  const crowded = crowding(records);
  const repeated = records.filter(({ timing }) => timing?.setAside?.length).length;
  const left =
    records.filter((record) => !crowded.has(record) && unsteadyTimes(record.timing, record.environment))
      .length;
  const what = "whose card was at an idle clock or throttled, or whose steps were held up,";
  return [
    ...repeated > 0
      ? [
        `${plural(repeated, "process", "processes")} ${what} ${
          repeated === 1 ? "was" : "were"
        } timed again, at most ${mostRepeats} times${left === 0 ? "; the last times are all steady" : ""}.`,
      ]
      : [],
    ...left > 0
      ? [
        `Of ${
          plural(left, "process", "processes")
        } ${what} such times are all there are: let the card cool, end what else runs, and measure again.`,
      ]
      : [],
  ];
}

/** The first cell at the end of the sweep beside what it was in its rounds. */
function driftSentence(comparisons: readonly Comparison<Cell>[], records: readonly CellRecord[]): string[] {
  const last = records.find(({ configuration }) => configuration.again);
  if (!last?.timing) return [];
  const { model, batch, sequence, policy } = last.configuration;
  const cell = comparisons
    .find((other) => other.model === model && other.batch === batch && other.sequence === sequence)
    ?.cells.get(policy);
  const step = cell?.step;
  if (!step || cell.crowded.has(last)) return [];
  const now = median(last.timing.stepMilliseconds);
  return [
    `Timed once more after all else, a step of the first cell (${model}, ${batch} × ${sequence}, ${policy}) took ${
      number(now)
    } ms, in its rounds ${number(step.median)} ms: a drift of ${percentage(now / step.median - 1, true)}.`,
  ];
}
