import { ran } from "../results/results.ts";
import type { Until } from "../results/run_header.ts";
import { stepByRound } from "../results/step_by_round.ts";
import type { Rule, Timed } from "../sweep/stopping.ts";
import { pairedSpeed, verdictOf } from "./speed.ts";

/**
 * Ends the rounds of two programs, sides 0 and 1, when no verdict on the speed of a cell is `unsure`, or when so many seconds have passed;
 * `abreast`: for both at once. Looking again and again, each time ready to end, errs somewhat more often than one look does: a program that is
 * slower by just the tolerance is called the same less than one time in six, as the test simulates.
 */
export const untilKnown = ({ tolerance, maxSeconds, fewestRounds }: Until, abreast: boolean): Rule => ({
  fewestRounds,
  maxSeconds: abreast ? 2 * maxSeconds : maxSeconds,
  known(records, rounds) {
    const cells = Map.groupBy(records, ({ configuration }) => configuration.policy).values();
    return cells.every((cell) => {
      if (!cell.every(ran)) return true;
      const of = (side: number) => ({
        stepByRound: stepByRound(cell.filter((one: Timed) => one.side === side)),
      });
      const speed = pairedSpeed(of(0), of(1));
      return speed?.rounds === rounds && verdictOf(speed, tolerance) !== "unsure";
    });
  },
});
