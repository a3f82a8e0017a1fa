import { plural } from "../../src/text/format.ts";
import { type CellConfiguration, type CellRecord, ran } from "../results/results.ts";
import { type Frontier, isOf, type LongestSequences, type SweepHeader } from "../results/run_header.ts";
import { processName } from "../results/process_name.ts";
import { type Finding, finding } from "./finding.ts";

type Memory = NonNullable<CellRecord["memory"]>;

/** What a plan says of memory; what was measured beside it differs from round to round. */
const byPlan = ({ bufferBytes, savedBytes, livePeakBytes, liveAtPeak }: Memory) =>
  JSON.stringify([bufferBytes, savedBytes, livePeakBytes, liveAtPeak]);

/** Whether live tensors have room in their buffers, and the rounds of each cell, being of one plan, the same bytes. */
export function checkMemory(records: readonly CellRecord[]): Finding {
  const cells = Map.groupBy(
    records.filter((record) => ran(record) && record.memory),
    ({ configuration }) => stepOf(configuration),
  );
  return finding(
    [
      ...records.flatMap(({ configuration, memory }) =>
        memory ? bytesFaults(memory).map((fault) => `${processName(configuration)} ${fault}`) : []
      ),
      ...[...cells.values()].flatMap(([first, ...others]) =>
        others.filter(({ memory }) => byPlan(memory!) !== byPlan(first.memory!)).map(({ configuration }) =>
          `${processName(configuration)} took other bytes than ${processName(first.configuration)}`
        )
      ),
    ],
    "live tensors are within their buffers, and all rounds of a cell take the same bytes",
  );
}

/** What is wrong with bytes that were told together. */
function bytesFaults({ livePeakBytes, liveAtPeak, bufferBytes, ledgerPeakBytes }: Memory): string[] {
  const live = Object.values(liveAtPeak).reduce((sum, bytes) => sum + bytes, 0);
  return [
    ...livePeakBytes > bufferBytes ? ["has more bytes of live tensors than of buffers"] : [],
    ...live === livePeakBytes ? [] : ["has bytes by category that are not those of its live peak"],
    ...bufferBytes > (ledgerPeakBytes ?? Infinity) ? ["had fewer bytes of buffers at once than by plan"] : [],
  ];
}

/** What no plan of a step depends on: how often it is run, at which rate, from which seed, and what for. */
const besidePlan: ReadonlySet<string> = new Set<keyof CellConfiguration>([
  ...["seed", "learningRate", "schedule", "qualitySteps", "gradientEvery"] as const,
  ...["warmupSteps", "timedSteps", "round", "again", "reinvested"] as const,
]);

/** All of a configuration that its plan depends on. */
const stepOf = (cell: CellConfiguration): string =>
  JSON.stringify(Object.fromEntries(Object.entries(cell).filter(([name]) => !besidePlan.has(name))));

/** Whether lengths that were found by plan are within what there was, and took the bytes that they were planned with where they ran. */
export function checkLongest(
  { memory }: SweepHeader,
  { unit, found }: LongestSequences,
  records: readonly CellRecord[],
): Finding {
  return finding(
    found.flatMap((one) => {
      const { model, policy, sequence, limit } = one;
      const name = `${model} ${one.batch} × ${sequence} ${policy}`;
      const planned = one.memory?.bufferBytes ?? 0;
      const fits = sequence === 0 || planned <= (memory ?? Infinity);
      const ran = records.filter(({ configuration: cell, memory: own }) =>
        cell.sequence === sequence && cell.policy === policy && !cell.variants && isOf(one, cell) && own
      );
      return [
        ...sequence % unit ? [`${name} is no multiple of ${unit} tokens`] : [],
        ...fits && limit.wanted > limit.most ? [] : [`${name} is not the longest that fits`],
        ...ran.some(({ memory: own }) => own!.bufferBytes !== planned)
          ? [`${name} took other bytes than its length was found with`]
          : [],
      ];
    }),
    `${plural(found.length, "longest sequence")} by plan within what there was`,
  );
}

const plannedBytes = ["bufferBytes", "savedBytes", "livePeakBytes"] as const;

/** Whether every process of a frontier was planned, and took the bytes that it was planned with where its kernels were those of the tables. */
export function checkFrontier({ most, planned }: Frontier, records: readonly CellRecord[]): Finding {
  const keyOf = (one: { model: string; sequence: number; batch: number }, name: string) =>
    JSON.stringify([one.model, one.sequence, one.batch, name]);
  const plans = new Map(planned.map((one) => [keyOf(one, one.name), one]));
  const measured = Map.groupBy(
    records,
    ({ configuration }) => keyOf(configuration, configuration.policy),
  );
  const bySize = Map.groupBy(measured.values(), ([{ configuration }]) => keyOf(configuration, ""));
  return finding(
    [
      ...[...bySize.values()].flatMap(({ length }) =>
        length > most ? [`${length} combinations of one size were measured, more than ${most}`] : []
      ),
      ...records.flatMap(({ configuration, memory }) => {
        const plan = plans.get(keyOf(configuration, configuration.policy));
        if (!plan) return [`${processName(configuration)} is no combination that was planned`];
        const same = configuration.variants || !memory ||
          plannedBytes.every((bytes) => memory[bytes] === plan.memory?.[bytes]);
        return same ? [] : [`${processName(configuration)} took other bytes than it was planned with`];
      }),
    ],
    `${plural(planned.length, "combination")} by plan, ${measured.size} of them measured`,
  );
}
