import type { Card, CellMeasurement } from "../results/results.ts";

/** A process whose card was not at work as it ought to be is timed again at most so often. */
export const mostRepeats = 2;

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
export function unsteady({ clockMegahertz, maxClockMegahertz, slowedBy }: Card): "idle" | "throttled" | null {
  if (slowedBy.some((reason) => throttling.includes(reason))) return "throttled";
  if (clockMegahertz === null || maxClockMegahertz === null) return null;
  const low = clockMegahertz < idleBelow * maxClockMegahertz;
  return low && !slowedBy.some((reason) => lasting.includes(reason)) ? "idle" : null;
}

/** Likewise of times; null also where the card was not read. */
export const unsteadyTimes = (
  timing: Pick<NonNullable<CellMeasurement["timing"]>, "card"> | null,
): ReturnType<typeof unsteady> => timing?.card ? unsteady(timing.card) : null;
