import type { ComparedCell, Comparison } from "./comparison.ts";
import { memoryQuantities } from "./memory.ts";
import { hasFewRounds } from "./speed.ts";
import { percentage } from "../../src/text/format.ts";
import { describeChoices } from "../../src/train/step_choices.ts";

/** What a change may cost at most, as shares: 0.03 of the speed, 0.01 of the memory. */
export interface Limits {
  readonly maxSlowdown?: number;
  readonly maxMemory?: number;
}

/** What a gate found. `exceeded` is proved; `undecided` is what the measurement cannot exclude. Each is a sentence a cell. */
export interface GateResult {
  readonly exceeded: readonly string[];
  readonly undecided: readonly string[];
}

/** Exit codes of a gate: a limit is exceeded; none is, but the measurement does not exclude it. */
export const exitCodes = { exceeded: 3, undecided: 4 };

/**
 * Holds a comparison to limits. A gate passes only what it can vouch for: the interval of the speed must lie within the limit as a whole. One
 * that lies beyond it as a whole exceeds it; one that reaches over it decides nothing, and is no pass, or measuring badly would be the way
 * through. A cell that ran in the base and does not any more exceeds every limit.
 */
export function gate({ cells }: Comparison, limits: Limits): GateResult {
  const exceeded: string[] = [];
  const undecided: string[] = [];
  const asked = limits.maxSlowdown !== undefined || limits.maxMemory !== undefined;
  for (const cell of asked ? cells : []) {
    const { base, own } = cell.endings;
    if (base !== "ok") continue; // nothing to hold the new one to
    if (own !== "ok") {
      exceeded.push(`${cellName(cell)} ran, and now ${own === "missing" ? "is missing" : `ends as ${own}`}`);
      continue;
    }
    if (limits.maxSlowdown !== undefined) judgeSpeed(cell, limits.maxSlowdown, exceeded, undecided);
    if (limits.maxMemory !== undefined) judgeMemory(cell, limits.maxMemory, exceeded, undecided);
  }
  return { exceeded, undecided };
}

function judgeSpeed(cell: ComparedCell, limit: number, exceeded: string[], undecided: string[]): void {
  const { speed } = cell;
  const told = speed?.low == null || speed.high === null
    ? null
    : `${percentage(speed.low - 1, true)} to ${percentage(speed.high - 1, true)}`;
  const allowed = `at most ${percentage(limit)} slower is allowed`;
  if (told === null) undecided.push(`${cellName(cell)}: ${whyNoInterval(speed)}; ${allowed}`);
  else if (speed!.high! < 1 - limit) exceeded.push(`${cellName(cell)} is slower: ${told}; ${allowed}`);
  else if (speed!.low! < 1 - limit) undecided.push(`${cellName(cell)} may be slower: ${told}; ${allowed}`);
}

function whyNoInterval(speed: ComparedCell["speed"]): string {
  if (!speed) return "its speed is not told in both";
  return hasFewRounds(speed)
    ? "fewer than three rounds on a side tell no interval of its speed"
    : "without a reference in both its speed has no interval that holds";
}

function judgeMemory(cell: ComparedCell, limit: number, exceeded: string[], undecided: string[]): void {
  if (!cell.memory) undecided.push(`${cellName(cell)}: its memory is not told in both`);
  for (const { quantity, base, own } of cell.memory?.changes ?? []) {
    if (own <= base * (1 + limit)) continue;
    const name = memoryQuantities[quantity];
    exceeded.push(
      `${cellName(cell)} takes more: ${name} ${percentage(own / base - 1, true)}; at most ${
        percentage(limit)
      } is allowed`,
    );
  }
}

/** "nano 4 × 128 mesa8", and what else tells it from other cells. */
export const cellName = (
  { model, batch, sequence, policy, choices }: Pick<
    ComparedCell,
    "model" | "batch" | "sequence" | "policy" | "choices"
  >,
) => [`${model} ${batch} × ${sequence} ${policy}`, ...describeChoices(choices)].join(", ");
