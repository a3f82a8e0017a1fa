/** The longest sequences that were looked for, in the rows and names by which tables and charts tell them, and what was run of each. */

import { describeChoices, type StepChoices, unusual } from "../../src/train/step_choices.ts";
import { isOf, type LongestSequence } from "../results/run_header.ts";
import type { Cell } from "./cell_rounds.ts";
import type { Comparison } from "./side_by_side.ts";

/** What differs in the policy alone. */
export const groupsOf = (found: readonly LongestSequence[]) => [
  ...Map.groupBy(found, (one) => JSON.stringify([one.model, one.batch, unusual(one)])).values(),
];

/** A row's model, and of how many sequences where those are several. */
export const titleOf = ({ model, batch }: LongestSequence) =>
  batch === 1 ? model : `${model}, ${batch} sequences`;

/** What weights and moments are kept in: "bf16 weights, 8-bit moments". */
export const stateName = ({ parameters = "f32", moments = "f32" }: StepChoices) =>
  `${parameters} weights, ${moments === "8bit" ? "8-bit" : moments} moments`;

/** Choices beside what weights and moments are kept in, in words. */
const otherChoices = ({ parameters: _, moments: __, ...others }: StepChoices) => describeChoices(others);

/** Those that all have. */
export const sharedChoices = (found: readonly LongestSequence[]) =>
  otherChoices(found[0]).filter((choice) => found.every((one) => otherChoices(one).includes(choice)));

/** The choices of a step in a table's row: all but what every row shares. */
export function rowName(one: LongestSequence, found: readonly LongestSequence[]): string {
  const shared = sharedChoices(found);
  return [stateName(one), ...otherChoices(one).filter((choice) => !shared.includes(choice))].join(", ");
}

/** The comparisons of a row's model and choices, the shortest sequences first. */
export const comparisonsOf = (one: LongestSequence, comparisons: readonly Comparison<Cell>[]) =>
  comparisons.filter(({ model, sequence, batch, choices }) =>
    isOf(one, { model, sequence, batch, ...choices })
  )
    .toSorted((a, b) => a.sequence - b.sequence);

export interface Trained {
  readonly sequence: number;
  readonly cell: Cell;
}

/** What was run of a row, by length. */
export const cellsOf = (one: LongestSequence, comparisons: readonly Comparison<Cell>[]): Trained[] =>
  comparisonsOf(one, comparisons).flatMap(({ sequence, cells }) => {
    const cell = cells.get(one.policy);
    return cell ? [{ sequence, cell }] : [];
  });

/** What of it took its steps. */
export const trainedCells = (one: LongestSequence, comparisons: readonly Comparison<Cell>[]) =>
  cellsOf(one, comparisons).filter(({ cell }) => !cell.failure && cell.step);

/** The longest of it that did; undefined if none did. */
export const longestTrained = (one: LongestSequence, comparisons: readonly Comparison<Cell>[]) =>
  trainedCells(one, comparisons).at(-1);
