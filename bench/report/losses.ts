import type { ModelType } from "../../src/models/families.ts";
import {
  decimalsFor,
  percentage,
  percentageAtMost,
  roundedUp,
  sentenceCase,
  signed,
} from "../../src/text/format.ts";
import { type Cell, withoutNull } from "./cell_rounds.ts";
import { marginOf } from "./margins.ts";
import { costAtMost, hasLearnt, parities, type Parity, type Verdict } from "./parity.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";
import type { MeanInterval } from "../statistics/statistics.ts";
import { code, list, policiesOf, table } from "./words.ts";

/** Final losses of a policy against `exact`'s of the same model, data and seeds. */
export interface LossDifference {
  policy: string;
  model: string;
  parity: Parity;
  /** Whether `exact` does better than what is known of the data without a network. */
  learnt: boolean;
}

/** Every policy's difference to `exact` in every comparison. */
export function lossDifferences(comparisons: readonly Comparison<Cell>[]): LossDifference[] {
  return comparisons.flatMap((comparison) => {
    const tested = parities(comparison); // with the null of chaos, which is put to the same test
    return withoutNull([comparison]).flatMap(({ cells, model }) =>
      [...cells.keys()].flatMap((policy) => {
        const parity = tested.get(policy);
        return parity ? [{ policy, model, parity, learnt: hasLearnt(baseOf(comparison)) }] : [];
      })
    );
  });
}

/** Which policies measurably harm, and what the others cost at most; of models that learnt nothing, that there is no verdict. */
export function lossSentence(all: readonly LossDifference[]): string {
  const differences = all.filter(({ learnt }) => learnt);
  const idle = [...new Set(all.filter(({ learnt }) => !learnt).map(({ model }) => model))];
  return [
    ...differences.length > 0 ? [harmSentence(differences)] : [],
    ...idle.length > 0
      ? [
        `Losses of ${
          list(idle)
        } say nothing of a policy: \`exact\` does no better than what is known of the data without a network.`,
      ]
      : [],
  ].join(" ");
}

function harmSentence(differences: readonly LossDifference[]): string {
  const harming = [...Map.groupBy(differences.filter(harms), ({ policy }) => policy)];
  const harm = harming.length === 0
    ? "No policy measurably harms: every interval includes 0, lies below it, or is within the margin"
    : `${
      list(harming.map(([policy, of]) => `${code(policy)} (${list(of.map(({ model }) => model))})`))
    } measurably ${
      harming.length === 1 ? "harms" : "harm"
    }: the interval lies above 0 and not within the margin, or the loss is no number`;
  const costs = costsAtMost(differences);
  return [harm, ...costs ? [costs] : []].join("; ") + ".";
}

/** "at most, by the intervals of the test of equivalence, `half` costs …": of policies that do not measurably harm; null without one. */
function costsAtMost(differences: readonly LossDifference[]): string | null {
  const others = [...Map.groupBy(differences, ({ policy }) => policy)].filter(([, of]) => !of.some(harms));
  return others.length
    ? `at most, by the intervals of the test of equivalence, ${list(others.map(worst))}`
    : null;
}

const harms = ({ parity: { interval, lost, verdict } }: LossDifference) =>
  lost > 0 || interval !== null && interval.low > 0 && verdict !== "equivalent";

/** The worse end of the interval that the test uses. */
const testedCost = ({ interval, loss }: Parity) => costAtMost({ difference: interval, loss });

/** "`mesa8` costs 0.0050 nats (0.19% of the loss)"; of several models "`mesa8` costs 0.05% [micro] to 0.87% [vit-micro] of the loss". */
function worst([policy, differences]: [string, LossDifference[]]): string {
  const costs = differences.flatMap(({ model, parity }) => {
    const cost = testedCost(parity);
    return cost ? { model, nats: Math.max(0, cost.nats), share: Math.max(0, cost.share) } : [];
  }).toSorted((a, b) => a.share - b.share);
  if (costs.length === 0) return `${code(policy)} is not settled`;
  const [least, most] = [costs[0], costs.at(-1)!];
  if (most.nats === 0) return `${code(policy)} costs nothing`;
  if (costs.length === 1) {
    return `${code(policy)} costs ${roundedUp(most.nats, 4).toFixed(4)} nats (${
      percentageAtMost(most.share)
    } of the loss)`;
  }
  const [low, high] = [least, most].map(({ share }) => percentageAtMost(share));
  const told = low === high
    ? `${high} of the loss`
    : `${low} [${least.model}] to ${high} [${most.model}] of the loss`;
  return `${code(policy)} costs ${told}`;
}

/** What is said of one policy, and of several. */
const verdictWords: Record<Verdict, [one: string, many: string]> = {
  equivalent: ["is equivalent", "are equivalent"],
  better: ["is better", "are better"],
  undecided: ["is undecided", "are undecided"],
  worse: ["is worse", "are worse"],
  diverged: ["diverged", "diverged"],
  "nothing learnt": [
    "has no verdict, as `exact` learnt nothing",
    "have no verdict, as `exact` learnt nothing",
  ],
};

/** "4 of 12" */
const lostSeeds = ({ parity: { lost, seeds } }: LossDifference) => `${lost} of ${seeds}`;

const modelsOf = (some: readonly LossDifference[]) => [...new Set(some.map(({ model }) => model))];

/** "`a` and `b` are equivalent; `c` (vit-micro) is undecided": the verdicts, with the models where a policy has not the same at all. */
export function verdictsText(differences: readonly LossDifference[]): string {
  const told = Object.entries(verdictWords).flatMap(([verdict, [one, many]]) => {
    const byPolicy = Map.groupBy(
      differences.filter(({ parity }) => parity.verdict === verdict),
      ({ policy }) => policy,
    );
    const policies = [...byPolicy].map(([name, of]) => {
      const tested = differences.filter(({ policy }) => policy === name);
      const where = of.length === tested.length ? [] : [list(modelsOf(of))];
      const lost = verdict === "diverged" ? [`${list(of.map(lostSeeds))} seeds`] : [];
      const told = [...where, ...lost].join(", ");
      return told ? `${code(name)} (${told})` : code(name);
    });
    return policies.length ? [`${list(policies)} ${policies.length === 1 ? one : many}`] : [];
  });
  return told.join("; ");
}

/** What losses a verdict is of. */
export const judged = (differences: readonly LossDifference[]): string =>
  `Final losses of ${list(modelsOf(differences))} beside \`exact\`'s, by the test of equivalence`;

/** What the verdicts are of, and they. */
export const verdictSentence = (differences: readonly LossDifference[]): string =>
  `${judged(differences)}: ${verdictsText(differences)}.`;

/** "At most, … `a` costs ….": what those cost at most that do not measurably harm; null where none has learnt. */
export function costSentence(differences: readonly LossDifference[]): string | null {
  const costs = costsAtMost(differences.filter(({ learnt }) => learnt));
  return costs && `${sentenceCase(costs)}.`;
}

/** A row for each policy, and of each comparison the mean difference with the test's interval, what it costs at most, and the verdict. */
export function lossTable(comparisons: readonly Comparison<Cell>[]): string {
  const differences = lossDifferences(comparisons);
  const rows = policiesOf(comparisons).filter((policy) => differences.some((one) => one.policy === policy))
    .map((policy) => [
      code(policy),
      ...comparisons.flatMap((comparison) => {
        const found = lossDifferences([comparison]).find((one) => one.policy === policy);
        return found ? [...lossColumns(found.parity), found.parity.verdict] : ["–", "–", "–"];
      }),
    ]);
  const titles = comparisons.flatMap((comparison) => [
    `${names(comparison).join(", ")}: difference (interval), seeds`,
    "at most",
    `of ±${percentage(marginOf({ modelType: familyOf(comparison) }))}`,
  ]);
  return table(["", ...titles], rows);
}

const familyOf = (comparison: Comparison<Cell>) =>
  baseOf(comparison).records[0].architecture.modelType as ModelType;

/** "+0.0015 (-0.0021 to +0.0050)" */
export function natsText({ mean, low, high }: MeanInterval): string {
  const [at, from, to] = [mean, low, high].map((nats) => signed(nats, decimalsFor((high - low) / 2)));
  return `${at} (${from} to ${to})`;
}

/** "+0.0015 (-0.0021 to +0.0050), 4" and "+0.19%" */
function lossColumns(parity: Parity): [string, string] {
  const { interval, seeds } = parity;
  const cost = testedCost(parity);
  if (!interval || !cost) return [`not a number, ${seeds}`, "–"];
  return [`${natsText(interval)}, ${seeds}`, percentageAtMost(cost.share, true)];
}
