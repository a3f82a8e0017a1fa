import { z } from "zod";
import { runtimes } from "../../src/adapter/runtime.ts";
import { count } from "../results/numbers.ts";
import { choiceFields, runtimeOf, statusWords } from "../results/results.ts";
import type { ComparedCell, Comparison } from "./comparison.ts";
import { cellName, type GateResult } from "./gate.ts";
import { memoryQuantities } from "./memory.ts";

const text = z.string();
const bound = z.number().nullable();
const keys = <T extends object>(object: T) => Object.keys(object) as [keyof T & string];
const ending = z.enum([...keys(statusWords), "missing"]);

const comparedReport = z.object({
  folder: text,
  commit: text.nullable(),
  dirty: z.boolean().nullable(),
  adapter: text,
  driver: text.nullable(),
  runtime: z.enum(runtimes),
  schemaVersions: z.array(count),
});

/** What `compare --json` prints. */
export const compared = z.object({
  base: comparedReport,
  new: comparedReport,
  pairing: z.enum(["interleaved", "reference", "none", "across"]).describe(
    "how the times of the two hang together",
  ),
  differences: z.array(text).describe("what differs and was allowed to"),
  tolerance: z.number().describe("what counts as the same speed"),
  drift: z.record(text, z.number()).describe(
    "speed of the machine itself, of the base's, by the reference's works",
  ),
  cells: z.array(z.object({
    model: text,
    sequence: count,
    batch: count,
    policy: text,
    choices: z.object(choiceFields).describe(
      "of a step: those that the reports' other cells do not share, and the policy's name does not tell",
    ),
    endings: z.object({ base: ending, new: ending }),
    speed: z.object({
      ratio: z.number().describe("of speeds; above 1 is faster"),
      low: bound,
      high: bound.describe(
        "of the 95% interval; null of fewer than three rounds on a side, or of two runs without a reference in both",
      ),
      rounds: count.describe("that both ran, of two runs those of the shorter one"),
      verdict: z.enum(["faster", "slower", "same", "unsure"]),
    }).nullable(),
    memory: z.object({
      verdict: z.enum(["less", "more", "same", "mixed"]),
      changes: z.array(z.object({ quantity: z.enum(keys(memoryQuantities)), base: count, own: count })),
    }).nullable(),
    losses: z.discriminatedUnion("verdict", [
      z.object({ verdict: z.literal("same"), runs: count }),
      z.object({ verdict: z.literal("different"), seed: count, step: count.nullable() }),
      z.object({ verdict: z.literal("not compared"), why: text }),
    ]).nullable(),
  })),
  gate: z.object({ exceeded: z.array(text), undecided: z.array(text) }),
}).meta({ title: "Comparison", description: "Two reports, cell by cell" });

/** A comparison for programs. */
export function comparisonJson(comparison: Comparison, gate: GateResult): unknown {
  const { base, own, pairing, differences, tolerance, drift, cells } = comparison;
  const told = ({ folder, results: { records: [{ environment }], versions } }: Comparison["base"]) => ({
    folder,
    commit: environment.commit,
    dirty: environment.dirty,
    adapter: environment.adapter,
    driver: environment.driver,
    runtime: runtimeOf(environment),
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
