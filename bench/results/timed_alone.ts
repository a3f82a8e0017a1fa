import { adapterTitle, type CellRecord } from "./results.ts";

/**
 * A reference that takes so many times its least time was not alone on its card. On an H200 it varied by 4% alone, and took 1.53 to 11 times as long
 * in company; a card that heat or its supply holds back stays below, and is told by its clock.
 */
const company = 1.4;

/** Processes in company, and how many times as long as at its least the reference took beside each. */
export type Crowding = ReadonlyMap<CellRecord, number>;

/**
 * How many times as long as at its least the reference took beside each process that shared its GPU with another program, or had it at a lower
 * clock. Without processes that have no reference, those of software adapters, whose times are no result anyway, and ranks, whose tables
 * tell which of them share a card.
 */
export function crowding(records: readonly CellRecord[]): Crowding {
  const timed = records.filter(({ timing, environment, configuration: { ranks = 1 } }) =>
    timing?.reference && environment.adapterClass === "gpu" && ranks === 1
  );
  const alike = Map.groupBy(timed, ({ environment }) => adapterTitle(environment));
  return new Map(
    [...alike.values()].flatMap((of) => {
      const least: Record<string, number> = {};
      for (const { timing } of of) {
        for (const [work, time] of Object.entries(timing!.reference!)) {
          least[work] = Math.min(time, least[work] ?? Infinity);
        }
      }
      return of.flatMap((one) => {
        const times = Object.entries(one.timing!.reference!).map(([work, time]) => time / least[work]);
        const most = Math.max(...times);
        return most > company ? [[one, most] as const] : [];
      });
    }),
  );
}
