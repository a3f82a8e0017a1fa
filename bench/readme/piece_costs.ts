import { number } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import type { Comparison } from "../report/side_by_side.ts";
import { sources } from "./making.ts";
import type { Sweep } from "./reports.ts";
import { code, list, policiesOf, range, table } from "../report/words.ts";

/** The step in milliseconds by length, of `recompute8` with its MLP or its head in pieces. */
export function pieceCosts(sweep: Sweep): string | null {
  const whole = "recompute8";
  const comparisons = sweep.comparisons.filter(({ cells }) => cells.has(whole));
  if (comparisons.length === 0) return null;
  const policies = policiesOf(comparisons).filter((policy) => policy !== "exact");
  const share = ({ cells }: Comparison<Cell>, policy: string) =>
    cells.get(policy)?.speedAgainst(cells.get(whole)!)?.ratio;
  const costs = comparisons.map((comparison) => {
    const ratios = policies.filter((policy) => policy !== whole)
      .flatMap((policy) => share(comparison, policy) ?? []);
    return `${range(ratios.map((ratio) => 1 / ratio), (value) => `${value.toFixed(2)}×`)} at ${
      number(comparison.sequence)
    } tokens`;
  });
  const rows = policies.map((policy) => [
    policy === whole ? code(policy) : policy,
    ...comparisons.map(({ cells }) => {
      const step = cells.get(policy)?.step;
      return step ? number(step.median) : "–";
    }),
  ]);
  return [
    `**What pieces cost.** Inside blocks made again, with the MLP or the head taken through pieces of rows by each rule of [docs/policies.md](docs/policies.md), a step of ` +
    `one sequence takes ${list(costs)} of that with the MLP whole. Milliseconds a step:`,
    table(["", ...comparisons.map(({ sequence }) => `${number(sequence)} tokens`)], rows),
    sources(sweep),
  ].join("\n\n");
}
