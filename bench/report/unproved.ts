import { percentage, plural, ratio } from "../../src/text/format.ts";
import { adapterTitle, type CellRecord } from "../results/results.ts";
import type { Crowding } from "../results/timed_alone.ts";
import { fewestPairs } from "../statistics/paired_ratio.ts";
import { type Cell, withoutNull } from "./cell_rounds.ts";
import { parities } from "./parity.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";
import { isSettled } from "./speeds.ts";
import { between } from "./tables.ts";
import { subject } from "./savings.ts";
import { code, list, type Pair, pairsOf, policiesOf } from "./words.ts";

/** What a reader might take from a report that it does not show: a sentence each. */
export function unproved(records: readonly CellRecord[], all: readonly Comparison<Cell>[]): string[] {
  const comparisons = withoutNull(all);
  const base = baseOf(comparisons[0]);
  const pairs = policiesOf(comparisons).flatMap((policy) => pairsOf(comparisons, policy))
    .filter(({ own, base }) => own !== base);
  const spent = reinvested(records);
  const losses = [...quality(pairs, base, spent !== null), ...undecided(all)];
  const speeds = [software(records), inCompany(records, base.crowded), fewRounds(pairs), ...open(pairs)];
  return [...speeds, ...losses, spent, cards(records)].filter((sentence) => sentence !== null);
}

function software(records: readonly CellRecord[]): string | null {
  return records.some(({ environment }) => environment.adapterClass === "software")
    ? "Speed: a software adapter ran this, and its times are no result."
    : null;
}

/** How many processes were not alone on their card, by the reference that each of them timed. */
function inCompany(records: readonly CellRecord[], crowded: Crowding): string | null {
  if (crowded.size === 0) return null;
  const most = Math.max(...crowded.values());
  const timed = records.filter(({ timing }) => timing).length;
  return `Speed, where ${crowded.size} of ${
    plural(timed, "process", "processes")
  } timed steps: their card did other work meanwhile, or ran at a lower clock (work that is always the same took up to ${
    ratio(most)
  } its least time), and none of these times counts.`;
}

/** What a larger batch or model might owe to something else than memory. */
function reinvested(records: readonly CellRecord[]): string | null {
  return records.some(({ configuration: { reinvested }, quality }) => reinvested && quality)
    ? "Re-invested memory: no learning rate was searched for at any size, `exact`'s own neither; and a larger batch takes no memory where " +
      "`--accumulate` makes it of several."
    : null;
}

function fewRounds(pairs: readonly Pair[]): string | null {
  const rounds = pairs.flatMap(({ own, base }) => own.speedAgainst(base)?.rounds ?? []);
  const fewest = Math.min(...rounds);
  return rounds.length && fewest < fewestPairs
    ? `Small differences of speed: some are told from ${
      plural(fewest, "round")
    }, which cannot tell how far they vary.`
    : null;
}

/** At most so many cells are named. */
const named = 4;

/** Speeds of which the rounds disagree, or which may be above the base's or below. */
function open(pairs: readonly Pair[]): string[] {
  const found = pairs.flatMap((pair) => {
    const speed = pair.own.speedAgainst(pair.base);
    if (!speed?.interval || pair.own.records[0].environment.adapterClass === "software") return [];
    const { low, high } = speed.interval;
    const text = `${code(pair.own.configuration.policy)} at ${subject(pair)} (${between(speed.interval)}×)`;
    return [{ text, settled: isSettled(speed), both: low < 1 && high > 1 }];
  });
  const told = (some: typeof found, before: string, after: string) => {
    const more = some.length > named ? [`${some.length - named} more`] : [];
    return some.length
      ? [`${before} ${list([...some.slice(0, named).map(({ text }) => text), ...more])}: ${after}.`]
      : [];
  };
  return [
    ...told(found.filter(({ settled }) => !settled), "The speed of", "the rounds disagree"),
    ...told(
      found.filter(({ settled, both }) => settled && both),
      "That these are slower, or faster:",
      "the interval includes 1",
    ),
  ];
}

function quality(pairs: readonly Pair[], base: Cell, grown: boolean): string[] {
  const shared = pairs.map(({ own, base }) => own.pairedQualities(base).length);
  if (base.configuration.policy !== "exact" || !shared.some((seeds) => seeds > 0)) {
    return [
      `Quality${
        grown ? " at `exact`'s own size" : ""
      }: no loss was measured beside \`exact\`'s, so nothing here says that a policy trains as well${
        grown ? " there" : ""
      }.`,
    ];
  }
  const all = pairs.flatMap(({ own }) => own.records);
  return [
    ...shared.some((seeds) => seeds === 1)
      ? ["Quality: one seed tells no difference of losses from chance; `--seeds` takes more."]
      : [],
    ...all.some(({ data, quality }) => quality && data.kind === "images" && data.generated)
      ? ["Quality on photographs: the images are generated."]
      : [],
  ];
}

/** Whether a cell is the null of chaos: `exact` by other variants of its kernels. */
const isNull = ({ cells }: Comparison<Cell>, policy: string) =>
  cells.get(policy)!.configuration.kernels === "other";

/** What the test of parity left open, and which null of chaos does not pass it, so that chance alone is as large as its margin. */
function undecided(all: readonly Comparison<Cell>[]): string[] {
  return all.flatMap((comparison) => {
    const open = [...parities(comparison)].filter(([, { verdict }]) => verdict === "undecided");
    if (open.length === 0) return [];
    const [, { margin, loss }] = open[0];
    const [nulls, policies] = [true, false].map((wanted) =>
      open.map(([policy]) => policy).filter((policy) => isNull(comparison, policy) === wanted)
    );
    if (policies.length === 0) return [];
    const chance = nulls.length ? "; nor is `exact` whose sums are rounded otherwise" : "";
    const [train, none] = policies.length === 1 ? ["trains", "it is not"] : ["train", "none is"];
    return `That ${list(policies.map(code))} ${train} ${
      names(comparison).join(", ")
    } as well as \`exact\`: ${none} known to end within ±${
      percentage(margin! / loss!)
    } of its loss${chance}.`;
  });
}

function cards(records: readonly CellRecord[]): string {
  const adapters = [...new Set(records.map(({ environment }) => adapterTitle(environment)))];
  const arithmetics = [...new Set(records.map(({ configuration }) => configuration.arithmetic ?? "f32"))];
  return `Anything of other cards than ${list(adapters)}, or of other arithmetic than ${list(arithmetics)}.`;
}
