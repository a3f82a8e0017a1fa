import type { CellConfiguration } from "../results/results.ts";
import { names } from "./side_by_side.ts";

/** "nano 4 × 128 mesa8" */
export const cellName = (cell: CellConfiguration): string =>
  [...names({ ...cell, choices: cell }), cell.policy].join(" ");

/** "nano 4 × 128 mesa8, round 2": how a process is called while it runs, and where something is wrong with its record. */
export const processName = (cell: CellConfiguration): string =>
  `${cellName(cell)}, ${cell.again ? "once more" : `round ${cell.round + 1}`}`;
