import type { CellConfiguration } from "../results/results.ts";
import { names } from "./side_by_side.ts";

/** "nano 4 × 128 mesa8, round 2": how a process is called where something is wrong with its record. */
export const processName = (cell: CellConfiguration) =>
  `${names({ ...cell, choices: cell }).join(" ")} ${cell.policy}, ${
    cell.again ? "once more" : `round ${cell.round + 1}`
  }`;
