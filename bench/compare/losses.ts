import type { Cell } from "../report/cell_rounds.ts";
import { type CellConfiguration, type CellRecord, runtimeOf } from "../results/results.ts";

/** Whether training runs gave the same losses, bit for bit, or why that cannot be expected. */
export type LossVerdict =
  | { readonly verdict: "same"; readonly runs: number }
  | {
    readonly verdict: "different";
    readonly seed: number; /** From 1; null: the validation loss alone. */
    readonly step: number | null;
  }
  | { readonly verdict: "not compared"; readonly why: string };

/** What a training run depends on, beside the kernels that compute it. */
function runOf(
  { round: _, variants: _v, warmupSteps: _w, timedSteps: _t, ...rest }: CellConfiguration,
  { data }: CellRecord,
) {
  return JSON.stringify([rest, data.digest]);
}

const kernelsOf = ({ program }: CellRecord) =>
  JSON.stringify([program?.kernelVariants, program?.variants].map(sorted));

const sorted = (record: Record<string, string> = {}) =>
  Object.entries(record).sort(([a], [b]) => a < b ? -1 : 1);

/** Compares the losses of the training runs that both cells made. Null if neither trained. */
export function compareLosses(base: Cell, own: Cell): LossVerdict | null {
  const runs = (cell: Cell) =>
    new Map(
      cell.records.filter(({ quality }) => quality).map((
        record,
      ) => [runOf(record.configuration, record), record]),
    );
  const [bases, owns] = [runs(base), runs(own)];
  if (bases.size === 0 && owns.size === 0) return null;
  const pairs = [...bases].flatMap(([run, record]) =>
    owns.has(run) ? [[record, owns.get(run)!] as const] : []
  );
  if (pairs.length === 0) return { verdict: "not compared", why: "no run of one recipe, seed and data" };
  const reason = pairs.map(unlike).find((why) => why !== null);
  if (reason) return { verdict: "not compared", why: reason };
  for (const [one, other] of pairs) {
    const [losses, others] = [one, other].map(({ quality }) => quality!.trainingLosses);
    const step = losses.findIndex((loss, i) => loss !== others[i]);
    const { seed } = one.configuration;
    if (step >= 0) return { verdict: "different", seed, step: step + 1 };
    const same = one.quality!.validationLoss === other.quality!.validationLoss;
    if (!same || losses.length !== others.length) return { verdict: "different", seed, step: null };
  }
  return { verdict: "same", runs: pairs.length };
}

/** Why two runs may differ in the last bit; null if they may not. */
function unlike([one, other]: readonly [CellRecord, CellRecord]): string | null {
  if (one.environment.adapter !== other.environment.adapter) return "other adapter";
  if (one.environment.driver !== other.environment.driver) return "other driver";
  if (runtimeOf(one.environment) !== runtimeOf(other.environment)) return "other runtime";
  return kernelsOf(one) === kernelsOf(other) ? null : "other kernel variants";
}
