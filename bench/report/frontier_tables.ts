/** Tables of a frontier: what was measured, PyTorch's rows beside it, and every combination by plan. */

import { bytes, number, ratio } from "../../src/text/format.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import type { PlannedCombination, Told } from "../results/run_header.ts";
import { statusWords } from "../results/results.ts";
import { commandCode } from "./command.ts";
import type { Cell } from "./cell_rounds.ts";
import { ending, type FrontierPoint, frontierPoints, peerPoints } from "./frontier.ts";
import { digits } from "./gradient_tables.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";
import { timedOf } from "./timed_cell.ts";
import { speedText } from "./speeds.ts";
import { table } from "./words.ts";

/** The measured combinations of each comparison, the smallest first, and PyTorch's rows, as markdown; null where no frontier was looked for. */
export function frontierSection(comparisons: readonly Comparison<Cell>[], told: Told): string | null {
  if (!told.frontier) return null;
  return comparisons.flatMap((comparison) => [
    ...comparisons.length > 1 ? [`**${names(comparison).join(", ")}**`] : [],
    combinationsTable(comparison, frontierPoints(comparison)),
    ...peers(comparison, told),
  ]).join("\n\n");
}

/** A row for each of some combinations; what beats them only where something does. */
export function combinationsTable(comparison: Comparison<Cell>, points: readonly FrontierPoint[]): string {
  const [base, timed] = [baseOf(comparison), timedOf(comparison)];
  const lost = points.some(({ beatenBy }) => beatenBy.length > 0);
  const rows = points.map((point) => [
    `${point.number}`,
    point.name,
    bytes(point.bytes),
    base.memory ? ratio(point.bytes / base.memory.bufferBytes) : "–",
    ending(point) ?? (point.cell.step && timed ? speedText(point.cell, timed) : statusWords.ok),
    point.error === null ? "–" : point.error === 0 ? "0" : digits(point.error),
    ...lost ? [point.beatenBy.map(({ number }) => number).join(", ") || "–"] : [],
  ]);
  const header = [
    "",
    "combination",
    "buffers",
    `of ${base.configuration.policy}'s`,
    !timed || timed === base ? "speed" : `speed, of ${timed.configuration.policy}'s`,
    "gradient error",
  ];
  return table([...header, ...lost ? ["beaten by"] : []], rows, 2);
}

function peers(comparison: Comparison<Cell>, told: Told): string[] {
  const rows = peerPoints(comparison, frontierPoints(comparison), told);
  if (rows.length === 0) return [];
  const [base, timed] = [baseOf(comparison), timedOf(comparison)].map((cell) => cell!.configuration.policy);
  return [
    `PyTorch's rows, measured by ${commandCode(told.peers!.command)}:`,
    table(
      [
        "",
        "peak",
        `of ${base}'s buffers`,
        "tokens/s",
        `of ${timed}'s speed`,
        "faster than each round in less memory",
      ],
      rows.map((row) => [
        row.name,
        bytes(row.bytes),
        ratio(row.memory),
        number(row.tokensPerSecond),
        ratio(row.speed),
        row.beatenBy.map(({ number }) => number).join(", ") || "–",
      ]),
    ),
  ];
}

const weights = ({ parameters = stepDefaults.parameters }: PlannedCombination) => parameters;
const moments = ({ moments = stepDefaults.moments }: PlannedCombination) => moments;
const state = (one: PlannedCombination) => `${weights(one)} / ${moments(one)}`;

/** The buffers of every combination by plan, a column for each way to keep weights and moments; null where none was planned. */
export function plannedTable({ frontier }: Told): string | null {
  if (!frontier) return null;
  const rowOf = ({ model, sequence, batch, policy, update, arithmetic }: PlannedCombination) => [
    model,
    `${batch} × ${sequence}`,
    policy,
    update === "backward" ? "in backward" : "after the step",
    arithmetic ?? stepDefaults.arithmetic,
  ];
  const states = [...new Set(frontier.planned.map(state))];
  const rows = [...Map.groupBy(frontier.planned, (one) => JSON.stringify(rowOf(one))).values()].map((of) => [
    ...rowOf(of[0]),
    ...states.map((wanted) => {
      const one = of.find((other) => state(other) === wanted);
      if (!one?.memory) return "–";
      return `${bytes(one.memory.bufferBytes)}${one.fits ? "" : ` (${statusWords.oom})`}`;
    }),
  ]);
  return table(["model", "tokens", "policy", "update", "products", ...states], rows, 5);
}
