import { markdownTable } from "markdown-table";
import type { ModelType } from "../../src/models/families.ts";
import { decimalsFor, namedList, percentage, signed } from "../../src/text/format.ts";
import { type DataReport, mustFail } from "../results/results.ts";
import type { Cell } from "./cell_rounds.ts";
import { marginOf } from "./margins.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";
import { equivalenceTest, holm } from "../statistics/equivalence.ts";
import { mean, type MeanInterval, meanInterval } from "../statistics/statistics.ts";

/** The final validation losses of a policy against those of `exact`, seed by seed, in nats per target. */
export interface Paired {
  /** Seeds from which both were trained. */
  seeds: number;
  /** Loss under the policy − loss under `exact`, of each; null if a loss is not a number. */
  differences: readonly number[] | null;
  /** Their mean, with Student's 95% interval of this policy alone; null likewise. */
  difference: MeanInterval | null;
  /** Mean of `exact`'s loss over those seeds; null if one is not a number. */
  loss: number | null;
  /** Of how many seeds the policy's loss is not a number where `exact`'s is one: it diverged. */
  lost: number;
}

/** Pairs two cells; null with fewer than two seeds in common. */
export function pairedLosses(cell: Cell, exact: Cell): Paired | null {
  const losses = cell.pairedQualities(exact).map((
    { own, base },
  ) => [own.validationLoss, base.validationLoss]);
  const seeds = losses.length;
  if (seeds < 2) return null;
  const reference = losses.flatMap(([, base]) => base ?? []);
  if (reference.length < seeds) {
    return { seeds, differences: null, difference: null, loss: null, lost: 0 };
  }
  const loss = mean(reference);
  const differences = losses.flatMap(([own, base]) => own === null ? [] : own - base!);
  const lost = seeds - differences.length;
  if (lost > 0) return { seeds, differences: null, difference: null, loss, lost };
  return { seeds, differences, difference: meanInterval(differences), loss, lost };
}

/** Validation losses less `exact`'s, as shares of those, of each seed from which both are numbers; none of `exact` itself. */
export const lossShares = (cell: Cell, exact: Cell): number[] =>
  cell === exact
    ? []
    : cell.pairedQualities(exact).flatMap(({ own, base }) =>
      own.validationLoss === null || base.validationLoss === null
        ? []
        : [own.validationLoss / base.validationLoss - 1]
    );

/** The worse end of an interval, which is the upper one: nats, and as a share of `exact`'s mean loss. Null if a loss is not a number. */
export function costAtMost(
  { difference, loss }: Pick<Paired, "difference" | "loss">,
): { nats: number; share: number } | null {
  return difference && loss !== null ? { nats: difference.high, share: difference.high / loss } : null;
}

/** What may be said of a policy's training against `exact`'s; `rules` says when. */
export type Verdict = "equivalent" | "better" | "worse" | "undecided" | "diverged" | "nothing learnt";

/** A policy's losses, and the test that they were put to. */
export interface Parity extends Paired {
  /** How far from `exact`'s a loss may lie, in nats; null if that one is not a number. */
  margin: number | null;
  /** The confidence of the interval that the test uses. */
  confidence: number;
  /** Student's interval of the mean difference, with that confidence. */
  interval: MeanInterval | null;
  verdict: Verdict;
}

/** The probability that any policy of a comparison is called equivalent that is not. */
const level = 0.05;

/** Tests every policy of a comparison against its `exact`, together; empty without one, or where none shares two seeds with it. */
export function parities(comparison: Comparison<Cell>): Map<string, Parity> {
  const exact = baseOf(comparison);
  if (exact.configuration.policy !== "exact") return new Map();
  const paired = [...comparison.cells].flatMap(([policy, cell]) => {
    const losses = cell === exact ? null : pairedLosses(cell, exact);
    return losses ? [{ policy, losses }] : [];
  });
  const share = marginOf({ modelType: exact.records[0].architecture.modelType as ModelType });
  const marginIn = ({ loss }: Paired) => loss === null ? null : share * loss;
  const steps = holm(
    paired.map(({ losses }) =>
      losses.differences ? equivalenceTest(losses.differences, marginIn(losses)!) : 1
    ),
    level,
  );
  const learnt = hasLearnt(exact);
  return new Map(paired.map(({ policy, losses }, i) => {
    const confidence = 1 - 2 * steps[i].level;
    const interval = losses.differences && meanInterval(losses.differences, confidence);
    const margin = marginIn(losses);
    const verdict = losses.lost > 0
      ? "diverged"
      : !learnt || !interval
      ? "nothing learnt"
      : judge(interval, margin!, steps[i].rejected);
    return [policy, { ...losses, margin, confidence, interval, verdict }];
  }));
}

/** The verdict on an interval, given whether the test found it within ± the margin. */
export function judge({ low, high }: MeanInterval, margin: number, within: boolean): Verdict {
  if (within) return "equivalent";
  if (low > margin) return "worse";
  return high < -margin ? "better" : "undecided";
}

/** What is known of data without a network. Records that do not tell a rule's loss tell the frequencies of tokens, or the classes. */
export function baselineOf(data: DataReport): { rule: string; loss: number } {
  const words = { bigram: "a bigram", linear: "a linear rule", classes: "the classes' frequencies" };
  if (data.baseline) return { rule: words[data.baseline.rule], loss: data.baseline.loss };
  return data.kind === "text"
    ? { rule: "the tokens' frequencies (these records tell no bigram)", loss: data.unigramEntropy }
    : { rule: "the number of classes (these records tell no other rule)", loss: Math.log(data.classes) };
}

/** Whether every training run of a cell ended with less loss than what is known without a network. */
export function hasLearnt(cell: Cell): boolean {
  const { loss } = baselineOf(cell.records[0].data);
  return [...cell.qualities.values()].every(({ validationLoss }) =>
    validationLoss !== null && validationLoss < loss
  );
}

const opening =
  "A seed gives a policy and `exact` the same weights at first and the same data in the same order.";

/** Records that tell what a rule knows of their data came after the margins, those that do not before them. */
const promised = {
  beforehand: "The margins were fixed before these runs.",
  afterwards:
    "These runs are older than the margins: no verdict here was put to a test that was fixed beforehand.",
};

/** Whether the margins were fixed before any of these runs. */
export const fixedBeforehand = (comparisons: readonly Comparison<Cell>[]): boolean =>
  comparisons.every((comparison) => baseOf(comparison).records[0].data.baseline);

/** What the words of the table mean; of the margins of families those of the tested ones, and of the first two. */
const rules = (tested: ReadonlySet<string>) =>
  namedList(Object.entries({
    difference:
      "final validation loss of the policy − that of `exact`, in nats per target; mean over the seeds ± standard deviation.",
    margin: `how far that may lie from 0, as a share of \`exact\`'s mean loss: 0.25% for a GPT-2${
      tested.has("llama") ? " and a Llama" : ""
    }, 1% for a ViT.`,
    interval:
      "Student's interval of the mean, the one that the test uses: two one-sided tests against the margin at 5%, by Holm's procedure over " +
      "the policies of a model, so that the confidence depends on a policy's place among them. Beside it the same as a share of `exact`'s loss.",
    equivalent: "the whole interval lies within ± the margin.",
    "worse, better": "the whole interval lies beyond the margin.",
    undecided: "the interval holds an end of the margin: more seeds narrow it (`--seeds`).",
    diverged: "a loss is not a number.",
    "nothing learnt":
      "no verdict: `exact` itself does no better in some seed than what is known without a network.",
    "null of chaos":
      "`exact` by other variants of its kernels, whose sums round otherwise: what differs between two runs that ought to be equal.",
  }));

/** The verdict on each policy as markdown, with controls and rules; null where no policy shares two seeds with `exact`. */
export function paritySection(comparisons: readonly Comparison<Cell>[]): string | null {
  const tested = comparisons.map((comparison) => ({ comparison, found: parities(comparison) }))
    .filter(({ found }) => found.size > 0);
  if (tested.length === 0) return null;
  const header = [
    "model",
    "tokens",
    "policy",
    "seeds",
    "difference",
    "interval",
    "of the loss",
    "margin",
    "verdict",
  ];
  const rows = tested.flatMap(({ comparison, found }) =>
    [...found].map(([policy, parity]) => [...names(comparison), policy, ...columns(parity)])
  );
  const table = markdownTable([header, ...rows], { align: ["l", "r", "l", "r", "r", "r", "r", "r", "l"] });
  const controls = tested.map(({ comparison, found }) => controlsOf(comparison, found));
  const promise = fixedBeforehand(tested.map(({ comparison }) => comparison))
    ? promised.beforehand
    : promised.afterwards;
  const families = new Set(
    tested.map(({ comparison }) => baseOf(comparison).records[0].architecture.modelType),
  );
  return [table, controls.join("\n"), `${opening} ${promise}`, rules(families)].join("\n\n");
}

function columns({ seeds, difference, interval, confidence, margin, loss, verdict }: Parity): string[] {
  const nats = (value: number) => signed(value, decimalsFor(difference!.deviation));
  const share = (value: number) => percentage(value / loss!, true);
  return [
    `${seeds}`,
    difference ? `${nats(difference.mean)} ± ${nats(difference.deviation).slice(1)}` : "not a number",
    interval ? `${nats(interval.low)} to ${nats(interval.high)} (${(100 * confidence).toFixed(1)}%)` : "–",
    interval ? `${share(interval.low)} to ${share(interval.high)}` : "–",
    margin === null ? "–" : `±${percentage(margin / loss!)}`,
    verdict,
  ];
}

/** "- **micro, 16 × 260**: `exact` beats a bigram …; null of chaos …; `mesa2`, which must fail, …" */
export function controlsOf(comparison: Comparison<Cell>, found: ReadonlyMap<string, Parity>): string {
  const exact = baseOf(comparison);
  const { rule, loss } = baselineOf(exact.records[0].data);
  const [none] = [...comparison.cells].flatMap(([policy, cell]) =>
    cell.configuration.kernels === "other" ? policy : []
  );
  const worst = Math.max(
    ...[...exact.qualities.values()].map(({ validationLoss }) => validationLoss ?? Infinity),
  );
  const own = Number.isFinite(worst) ? `${worst.toFixed(4)} nats at most` : "a loss that is no number";
  const control = (policy: string | undefined, name: string, passes: (verdict: Verdict) => boolean) => {
    const parity = policy === undefined ? undefined : found.get(policy);
    return parity
      ? `${outcome(passes(parity.verdict))} ${name} (\`${policy}\`): ${parity.verdict}`
      : `not run: ${name}`;
  };
  const outcomes = [
    `${outcome(hasLearnt(exact))} \`exact\` must beat ${rule}, ${loss.toFixed(4)} nats: ${own}`,
    control(none, "the null of chaos must be equivalent", (verdict) => verdict === "equivalent"),
    control(
      found.has(mustFail) ? mustFail : undefined,
      "2 bits must be worse",
      (verdict) => verdict === "worse" || verdict === "diverged",
    ),
  ];
  return `- **Controls of ${names(comparison).join(", ")}**: ${outcomes.join("; ")}.`;
}

const outcome = (passed: boolean) => passed ? "passed:" : "**not passed**:";
