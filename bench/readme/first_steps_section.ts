import { number } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { digits } from "../report/gradient_tables.ts";
import { baseOf, names } from "../report/side_by_side.ts";
import { clippedValues, validationLoss } from "../report/tables.ts";
import { code, list, table } from "../report/words.ts";
import type { GradientErrors } from "../results/results.ts";
import { sources } from "./making.ts";
import type { Reports } from "./reports.ts";

/** The ablation of ranges in the first steps of a larger model, whose activations grow fastest then. */
export function firstStepsSection({ sweeps: { firstSteps } }: Reports): string | null {
  if (!firstSteps) return null;
  const [comparison] = firstSteps.comparisons;
  const cells = [...comparison.cells].filter(([, cell]) => errorsOf(cell).length > 0);
  const mesa = comparison.cells.get("running 0.9");
  if (!mesa || cells.length < 2) return null;
  const base = baseOf(comparison);
  const steps = errorsOf(mesa).map(({ step }) => step);
  const errorAt = (cell: Cell, step: number) => {
    const error = errorsOf(cell).find((errors) => errors.step === step)?.overall.relativeError;
    return error == null ? "no number" : digits(error);
  };
  const others = cells.filter(([, cell]) => cell !== mesa)
    .map(([name, cell]) => `${errorAt(cell, steps[0])} under ${code(name)}`);
  return [
    "### The first steps",
    `A running range lags behind activations that grow, and what it clips no longer agrees with attention's exact log-sum-exp and output. ${
      names(comparison).join(", ")
    } tokens, step ${number(steps[0])}: the gradient is ${errorAt(mesa, steps[0])} of its norm from ${
      code(base.configuration.policy)
    }'s under ${code("running 0.9")}, Mesa's way, and ${
      list(others)
    }. One seed tells no difference of losses from chance.`,
    table(
      ["ranges", clippedValues.label, validationLoss.label, ...steps.map((step) => `error at step ${step}`)],
      [base, ...cells.map(([, cell]) => cell)].map((cell) => [
        code(cell.configuration.policy),
        clippedValues.show(cell, base, comparison) ?? "–",
        validationLoss.show(cell, base, comparison) ?? "–",
        ...steps.map((step) => cell === base ? "0" : errorAt(cell, step)),
      ]),
    ),
    sources(firstSteps),
  ].join("\n\n");
}

/** How far gradients were from `exact`'s, of the first seed. */
const errorsOf = (cell: Cell): readonly GradientErrors[] =>
  [...cell.qualities.values()].at(0)?.gradientErrors ?? [];
