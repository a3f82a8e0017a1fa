import { markdownTable } from "markdown-table";
import type { Cell } from "./cell_rounds.ts";
import { namedList, percentage, ratio, signed } from "../../src/text/format.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";
import { mean, type MeanInterval, meanInterval, sampleStandardDeviation } from "../statistics/statistics.ts";

/** What may be said of a policy's training against `exact`'s; `rules` says when. */
export type Verdict = "parity" | "no difference seen" | "better" | "worse" | "diverged" | "not settled";

/** The final validation losses of a policy against those of `exact`, seed by seed, in nats per target. */
export interface Parity {
  /** Seeds from which both were trained. */
  seeds: number;
  /** Loss under the policy − loss under `exact`; null if a loss is not a number. */
  difference: MeanInterval | null;
  /** Standard deviation of `exact`'s loss between those seeds; null if a loss is not a number. */
  spread: number | null;
  /** Mean of `exact`'s loss over those seeds; null likewise. */
  loss: number | null;
  verdict: Verdict;
}

/** Compares two cells; null with fewer than two seeds in common. */
export function parityOf(cell: Cell, exact: Cell): Parity | null {
  const losses = cell.pairedQualities(exact).map((
    { own, base },
  ) => [own.validationLoss, base.validationLoss]);
  const seeds = losses.length;
  if (seeds < 2) return null;
  const reference = losses.flatMap(([, base]) => base ?? []);
  if (reference.length < seeds) {
    return { seeds, difference: null, spread: null, loss: null, verdict: "not settled" };
  }
  const [spread, loss] = [sampleStandardDeviation(reference), mean(reference)];
  const differences = losses.flatMap(([own, base]) => own === null ? [] : own - base!);
  if (differences.length < seeds) return { seeds, difference: null, spread, loss, verdict: "diverged" };
  const difference = meanInterval(differences);
  return { seeds, difference, spread, loss, verdict: judge(difference, spread) };
}

/** The worse end of the interval, which is the upper one: nats, and as a share of `exact`'s mean loss. Null if a loss is not a number. */
export function costAtMost({ difference, loss }: Parity): { nats: number; share: number } | null {
  return difference && loss !== null ? { nats: difference.high, share: difference.high / loss } : null;
}

/** The verdict on a mean difference, given how far `exact` itself varies from seed to seed. */
export function judge({ mean, low, high }: MeanInterval, spread: number): Verdict {
  if (low >= -spread && high <= spread) return "parity";
  const excludesZero = low > 0 || high < 0;
  const small = Math.abs(mean) <= spread;
  if (small && !excludesZero) return "no difference seen";
  if (!small && excludesZero) return mean > 0 ? "worse" : "better";
  return "not settled";
}

const opening =
  "A seed gives a policy and `exact` the same weights at first and the same data in the same order.";

const rules = namedList(Object.entries({
  difference:
    "final validation loss of the policy − that of `exact`, in nats per target; mean over the seeds ± standard deviation.",
  "95 % interval": "Student's, of that mean.",
  "at most":
    "the interval's end further from 0, also as a multiple of the spread: the data exclude, with 95 % confidence, a mean " +
    "difference beyond it.",
  "at most, of the loss":
    "the interval's worse end, which is the upper one, as a share of the mean of `exact`'s losses: a spread can be wide, and a " +
    "difference within it dear.",
  spread: "standard deviation of `exact`'s own loss between the seeds. Three seeds tell it only roughly.",
  parity:
    "the whole interval lies within ± the spread, even if it excludes 0: what difference there is, is smaller than that between seeds.",
  "no difference seen":
    "the interval includes 0 and the mean lies within ± the spread, but the interval reaches beyond it: too few seeds to " +
    "exclude a difference that matters.",
  "worse, better": "the interval excludes 0, and the mean lies beyond the spread.",
  diverged: "a loss is not a number.",
  "not settled": "anything else.",
}));

const remedy =
  "Where the verdict is *no difference seen* or *not settled*, more seeds narrow the interval: `--seeds`.";

/** The verdict on each policy as markdown, with the rules; null where no policy shares two seeds with `exact`. */
export function paritySection(comparisons: readonly Comparison<Cell>[]): string | null {
  const found = comparisons.flatMap((comparison) => {
    const exact = baseOf(comparison);
    return exact.configuration.policy !== "exact" ? [] : [...comparison.cells].flatMap(([policy, cell]) => {
      const parity = cell === exact ? null : parityOf(cell, exact);
      return parity ? [{ comparison, policy, parity }] : [];
    });
  });
  if (found.length === 0) return null;
  const header = [
    "model",
    "tokens",
    "policy",
    "seeds",
    "difference",
    "95 % interval",
    "at most",
    "at most, of the loss",
    "spread",
    "verdict",
  ];
  const table = markdownTable(
    [
      header,
      ...found.map(({ comparison, policy, parity }) => [...names(comparison), policy, ...columns(parity)]),
    ],
    { align: ["l", "r", "l", "r", "r", "r", "r", "r", "r", "l"] },
  );
  const unsettled = found.some(({ parity: { verdict } }) =>
    verdict === "no difference seen" || verdict === "not settled"
  );
  return [table, ...unsettled ? [remedy] : [], opening, rules].join("\n\n");
}

function columns(parity: Parity): string[] {
  const { seeds, difference, spread, verdict } = parity;
  const cost = costAtMost(parity);
  const nats = (value: number | null) => value === null ? "not a number" : value.toFixed(4);
  return [
    `${seeds}`,
    difference ? `${signed(difference.mean)} ± ${nats(difference.deviation)}` : "not a number",
    difference ? `${signed(difference.low)} to ${signed(difference.high)}` : "–",
    difference ? atMost(difference, spread!) : "–",
    cost ? percentage(cost.share, true) : "–",
    nats(spread),
    verdict,
  ];
}

function atMost({ low, high }: MeanInterval, spread: number): string {
  const end = Math.max(Math.abs(low), Math.abs(high));
  return spread ? `${end.toFixed(4)} (${ratio(end / spread)})` : end.toFixed(4);
}
