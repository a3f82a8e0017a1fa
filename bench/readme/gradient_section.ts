import { number, ratio } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { comparedSteps, digits, gradientError, judgement, times } from "../report/gradient_tables.ts";
import { type Comparison, names } from "../report/side_by_side.ts";
import { savedActivations } from "../report/tables.ts";
import { sources } from "./making.ts";
import type { Reports, Sweep } from "./reports.ts";
import { code, list, policiesOf, table } from "../report/words.ts";

/** How far gradients are from `exact`'s: by what shares a range, and by length. */
export function gradientSection({ sweeps: { grouping, length } }: Reports): string | null {
  const parts = [grouping && byGrouping(grouping), length && byLength(length)].filter((part) =>
    part !== undefined && part !== null
  );
  return parts.length ? ["### Gradient error", ...parts].join("\n\n") : null;
}

/** The policies of the ablation that store every kind of tensor in 8 bits, by what shares a range. */
const groupings = ["head", "tensor", "16 channels", "token"];

function byGrouping(sweep: Sweep): string | null {
  const [comparison] = sweep.comparisons;
  const cells = groupings.flatMap((name) => comparison.cells.get(name) ?? [])
    .filter((cell) => gradientError(cell) !== null);
  const head = comparison.cells.get("head");
  if (!head || cells.length < 2) return null;
  const [best] = cells.toSorted((a, b) => gradientError(a)! - gradientError(b)!);
  const base = comparison.cells.get("exact") ?? head;
  const sentence = best === head
    ? `One range for each head has the smallest error of all, ${digits(gradientError(head)!)}`
    : `Of what may share a range, \`${best.configuration.policy}\` has the smallest error of all, ${
      times(gradientError(best)!, gradientError(head)!)
    } than \`head\`, Mesa's way, at ${ratio(best.memory!.savedBytes / head.memory!.savedBytes)} its bytes`;
  const tensor = comparison.cells.get("tensor");
  const tests = [...best === head ? [] : [judgement(best, head)], ...tensor ? [judgement(head, tensor)] : []];
  return [
    `${sentence} (${names(comparison).join(", ")} tokens in training, ${comparedSteps(best)}).`,
    ...tests.length ? [tests.join(" ")] : [],
    table(
      ["one range for each", "relative error of the gradient", savedActivations.label],
      cells.map((cell) => [
        code(cell.configuration.policy),
        digits(gradientError(cell)!),
        savedActivations.show(cell, base) ?? "–",
      ]),
    ),
    sources(sweep),
  ].join("\n\n");
}

function byLength(sweep: Sweep): string | null {
  const comparisons = ofOneSize(sweep.comparisons);
  const policies = policiesOf(comparisons).filter((policy) =>
    comparisons.every(({ cells }) => cells.has(policy) && gradientError(cells.get(policy)!) !== null)
  );
  if (comparisons.length < 2 || policies.length === 0) return null;
  const sizes = new Set(comparisons.map(({ batch, sequence }) => batch * sequence));
  const errors = (policy: string) => comparisons.map(({ cells }) => gradientError(cells.get(policy)!)!);
  const told = policies.map((policy) => {
    const [first, last] = [errors(policy)[0], errors(policy).at(-1)!];
    return `${last < first ? "falls" : "rises"} from ${digits(first)} to ${digits(last)} under ${
      code(policy)
    }`;
  });
  const tokens = sizes.size === 1
    ? `with the same ${number([...sizes][0])} tokens a step`
    : "and with it the tokens of a step";
  return [
    `With the length of a sequence, from ${number(comparisons[0].sequence)} to ${
      number(comparisons.at(-1)!.sequence)
    } ${tokens}, the error ${list(told)} (${comparisons[0].model} in training, ${
      comparedSteps(comparisons[0].cells.get(policies[0])!)
    }).`,
    table(
      ["sequences × tokens", ...comparisons.map((comparison) => names(comparison)[1])],
      policies.map((policy) => [code(policy), ...errors(policy).map(digits)]),
    ),
    sources(sweep),
  ].join("\n\n");
}

/** The comparisons that share the tokens of a step, most of them if several do; all where none do. By length. */
function ofOneSize(comparisons: readonly Comparison<Cell>[]): Comparison<Cell>[] {
  const groups = [...Map.groupBy(comparisons, ({ batch, sequence }) => batch * sequence).values()]
    .toSorted((a, b) => b.length - a.length);
  const chosen = groups[0].length > 1 ? groups[0] : comparisons;
  return chosen.toSorted((a, b) => a.sequence - b.sequence);
}
