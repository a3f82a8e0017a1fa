import { plural } from "../../src/text/format.ts";
import type { CellRecord } from "../results/results.ts";
import type { Reinvestment } from "../results/run_header.ts";
import { grownRate } from "../sweep/learning_rate.ts";
import { stepsOfTime, stepsOfTokens } from "../sweep/reinvested_cells.ts";
import { type Finding, finding } from "./finding.ts";
import { recordsAt } from "./reinvested.ts";

/**
 * Whether what was re-invested is within `exact`'s memory, was run at the sizes that were found, by the one rule of learning rates, and for as
 * many steps as equal tokens or equal time are.
 */
export function checkReinvested(all: readonly Reinvestment[], records: readonly CellRecord[]): Finding {
  const found = all.flatMap(({ found }) => found);
  return finding(
    all.flatMap((one) => [...planFaults(one), ...runFaults(one, records)]),
    `${plural(found.length, "size")} by plan within \`exact\`'s memory, run with its tokens or its time`,
  );
}

const nameOf = ({ model, batch, sequence }: Omit<Reinvestment, "found" | "budgetBytes">, policy: string) =>
  `${model} ${batch} × ${sequence} ${policy}`;

function planFaults({ found, budgetBytes, ...of }: Reinvestment): string[] {
  return found.flatMap(({ policy, into, size, bufferBytes, next }) => {
    const fits = size === 0 ? bufferBytes === null : (bufferBytes ?? Infinity) <= budgetBytes;
    const largest = next.size > size && (next.wantedBytes ?? Infinity) > budgetBytes;
    return fits && largest ? [] : [`${nameOf(of, policy)}: its ${into} is not the largest that fits`];
  });
}

function runFaults({ found, budgetBytes, ...of }: Reinvestment, records: readonly CellRecord[]): string[] {
  const own = recordsAt(of, records);
  const exacts = own.filter(({ configuration }) => configuration.policy === "exact");
  if (exacts.length === 0) return [];
  const { configuration: base, architecture } = exacts[0];
  const trained = exacts.find(({ configuration }) => configuration.qualitySteps > 0)?.configuration
    .qualitySteps;
  const others = exacts.filter(({ memory }) => memory && memory.bufferBytes !== budgetBytes);
  return [
    ...others.length ? [`${nameOf(of, "exact")} took other bytes than the budget`] : [],
    ...own.flatMap(({ configuration: cell, architecture: grown, memory }) => {
      const name = nameOf({ ...of, model: cell.model, batch: cell.batch }, cell.policy);
      const { into, pace } = cell.reinvested ?? {};
      const size = { batch: cell.batch, depth: grown.layers, width: grown.width };
      const planned = found.find((one) => one.policy === cell.policy && one.into === into);
      const ratios = { batch: cell.batch / base.batch, width: grown.width / architecture.width };
      const rate = grownRate(base.learningRate, ratios);
      const steps = trained &&
        (pace ? stepsOfTime(trained, pace) : stepsOfTokens(trained, base.batch, cell.batch));
      return [
        ...into && planned?.size !== size[into] ? [`${name} is not of the ${into} that was found`] : [],
        ...planned && memory && !cell.variants && memory.bufferBytes !== planned.bufferBytes
          ? [`${name} took other bytes than its ${into} was found with`]
          : [],
        ...Math.abs(cell.learningRate / rate - 1) > 1e-9
          ? [`${name} has another learning rate than the rule's`]
          : [],
        ...cell.qualitySteps > 0 && cell.qualitySteps !== steps
          ? [
            `${name} trained ${cell.qualitySteps} steps, where ${steps} take \`exact\`'s ${
              pace ? "time" : "tokens"
            }`,
          ]
          : [],
      ];
    }),
  ];
}
