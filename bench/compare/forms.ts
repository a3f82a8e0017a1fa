import type { ComparedCell, Comparison } from "./comparison.ts";
import { cellName, type GateResult } from "./gate.ts";
import { memoryQuantities } from "./memory.ts";

/** A comparison for programs. */
export function comparisonJson(comparison: Comparison, gate: GateResult): unknown {
  const { base, own, pairing, differences, tolerance, drift, cells } = comparison;
  const told = ({ folder, results: { records: [{ environment }], versions } }: Comparison["base"]) => ({
    folder,
    commit: environment.commit,
    dirty: environment.dirty,
    adapter: environment.adapter,
    driver: environment.driver,
    schemaVersions: versions,
  });
  return {
    base: told(base),
    new: told(own),
    pairing,
    differences,
    tolerance,
    drift,
    cells: cells.map(({ own: _, endings, ...cell }) => ({
      ...cell,
      endings: { base: endings.base, new: endings.own },
    })),
    gate,
  };
}

/** An entry of `github-action-benchmark`'s forms customBiggerIsBetter and customSmallerIsBetter. */
interface Entry {
  name: string;
  unit: string;
  value: number;
  range?: string;
  extra?: string;
}

/** Speeds of the new report, of which more is better. */
export const biggerIsBetter = ({ cells }: Comparison): Entry[] => cells.flatMap(speedEntry);

/** Bytes of the new report, of which fewer are better. */
export const smallerIsBetter = ({ cells }: Comparison): Entry[] => cells.flatMap(memoryEntries);

function speedEntry(cell: ComparedCell): Entry[] {
  const { own, speed } = cell;
  if (!own?.step || own.tokensPerSecond === null) return [];
  const { median, deviation } = own.step;
  const value = own.tokensPerSecond;
  const against = speed && `${speed.ratio.toFixed(4)}× of the base: ${speed.verdict}`;
  const range = `± ${(value * deviation / median).toPrecision(3)}`;
  return [{ name: cellName(cell), unit: "tokens/s", value, range, ...against && { extra: against } }];
}

function memoryEntries(cell: ComparedCell): Entry[] {
  const memory = cell.own?.memory;
  if (!memory) return [];
  return (["savedBytes", "livePeakBytes", "bufferBytes"] as const).map((quantity) => {
    const change = cell.memory?.changes.find((change) => change.quantity === quantity);
    const extra = change && `${change.own - change.base} bytes more than the base`;
    return {
      name: `${cellName(cell)}: ${memoryQuantities[quantity]}`,
      unit: "bytes",
      value: memory[quantity],
      range: "± 0",
      ...extra && { extra },
    };
  });
}
