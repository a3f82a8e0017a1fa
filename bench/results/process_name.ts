import { type StepChoices, unusual } from "../../src/train/step_choices.ts";
import type { CellConfiguration } from "./cell_configuration.ts";

/** "4 × 128": batch × sequence, with the numbers of micro-batches and of ranks where there are several, as in "2 × 4 × 128 on 3 ranks". */
export function sizeName(
  { batch, sequence, ...choices }: Pick<CellConfiguration, "batch" | "sequence"> & StepChoices,
): string {
  const { accumulate, ranks } = unusual(choices);
  return `${accumulate ? `${accumulate} × ` : ""}${batch} × ${sequence}${ranks ? ` on ${ranks} ranks` : ""}`;
}

/** "nano 4 × 128 mesa8" */
export const cellName = (cell: CellConfiguration): string =>
  [cell.model, sizeName(cell), cell.policy].join(" ");

/** What a run of re-invested memory has in common with `exact`'s: an arm has one of each. One that only times has neither. */
const equality = ({ reinvested, qualitySteps }: CellConfiguration): string =>
  !reinvested || qualitySteps === 0 ? "" : `, in equal ${reinvested.pace ? "time" : "tokens"}`;

/** "nano 4 × 128 mesa8, round 2": how a process is called while it runs, and where something is wrong with its record. */
export const processName = (cell: CellConfiguration): string =>
  `${cellName(cell)}${equality(cell)}, ${cell.again ? "once more" : `round ${cell.round + 1}`}`;
