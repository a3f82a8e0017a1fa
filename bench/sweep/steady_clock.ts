import type { CardState, CellMeasurement, Environment } from "../results/results.ts";
import { median } from "../statistics/statistics.ts";

/** A process whose card was not at work as it ought to be is timed again at most so often. */
export const mostRepeats = 2;

/**
 * Steps of a process whose median is so many times the least were held up: it is at most 1.018 times the least in all but two of 350 processes
 * alone on an H100 or H200; what a neighbour on the host held up had 1.4 times.
 */
const scattered = 1.1;

/** Share of the highest clock below which a card under load is not taken to have left its idle clock, as in NVIDIA's nvbench. */
const idleBelow = 0.75;

/** A card that these hold back keeps its clock however often it is timed. */
const lasting = ["software power cap", "applications' clocks"];

/** What passes when a card has cooled, or its supply has recovered. */
const throttling = [
  "hardware slowdown",
  "software thermal slowdown",
  "hardware thermal slowdown",
  "hardware power brake",
];

/** Why the times of a card in this state are not those that it reaches; null if they are. */
export function unsteady(
  { clockMegahertz, maxClockMegahertz, slowedBy }: CardState,
): "idle" | "throttled" | null {
  if (slowedBy.some((reason) => throttling.includes(reason))) return "throttled";
  if (clockMegahertz === null || maxClockMegahertz === null) return null;
  const low = clockMegahertz < idleBelow * maxClockMegahertz;
  return low && !slowedBy.some((reason) => lasting.includes(reason)) ? "idle" : null;
}

/** Whether a card at work has left its idle clock, or nobody tells. */
export const hasRisen = (card: CardState | null) => card === null || unsteady(card) !== "idle";

/**
 * Why times are not those that a card reaches, by the card where it was read, and by what the steps scatter: a process may be held up while its
 * card is at work. Null on software adapters, which scatter anyway.
 */
export function unsteadyTimes(
  timing: Pick<NonNullable<CellMeasurement["timing"]>, "card" | "stepMilliseconds"> | null,
  { adapterClass }: Pick<Environment, "adapterClass">,
): ReturnType<typeof unsteady> | "held up" {
  if (!timing || adapterClass === "software") return null;
  const { card, stepMilliseconds: steps } = timing;
  const heldUp = steps.length > 1 && median(steps) > scattered * Math.min(...steps);
  return card && unsteady(card) || (heldUp ? "held up" : null);
}
