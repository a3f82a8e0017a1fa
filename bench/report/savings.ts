import { ratio } from "../../src/text/format.ts";
import { ran } from "../results/results.ts";
import type { Cell } from "./cell_rounds.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";
import { isSettled } from "./speeds.ts";
import { speedWords } from "./tables.ts";
import { code, list, type Pair, pairsOf, policiesOf } from "./words.ts";

/**
 * A line for each policy: its buffers and its speed as multiples of the base's; a software adapter's
 * times are none. Empty where nothing can be compared.
 */
export function savings(comparisons: readonly Comparison<Cell>[]): string[] {
  const base = baseName(comparisons);
  return policiesOf(comparisons).filter((policy) => policy !== base).flatMap((policy) => {
    const pairs = pairsOf(comparisons, policy);
    const memory = memoryRange(pairs, base);
    const speed = speedRange(pairs);
    if (memory === null) return [];
    const unfit = pairs.filter(({ own }) => own.failure?.status === "oom");
    const stopped = pairs.filter((pair) => !unfit.includes(pair) && !pair.own.records.some(ran));
    const notes = [
      ...unfit.length ? [`; it does not fit ${list(unfit.map(subject))}`] : [],
      ...stopped.length ? [`; it did not run to its end at ${list(stopped.map(subject))}`] : [],
    ];
    return [`${code(policy)} takes ${memory}${speed ? ` at ${speed} of its speed` : ""}${notes.join("")}.`];
  });
}

/** The policy that the others are measured against. */
export const baseName = ([first]: readonly Comparison<Cell>[]): string => baseOf(first).configuration.policy;

/** "small, 16 × 1024" */
export const subject = ({ comparison }: Pick<Pair, "comparison">): string => names(comparison).join(", ");

function memoryRange(pairs: readonly Pair[], base: string): string | null {
  const values = pairs.flatMap((pair) => {
    const [own, other] = [pair.own.memory?.bufferBytes, pair.base.memory?.bufferBytes];
    return own && other ? [{ pair, value: own / other, text: `**${ratio(own / other)}**` }] : [];
  });
  return values.length ? `${ends(values)} of ${code(base)}'s buffers` : null;
}

function speedRange(pairs: readonly Pair[]): string | null {
  const values = pairs.flatMap((pair) => {
    const speed = pair.own.speedAgainst(pair.base);
    const { adapterClass } = pair.own.records[0].environment;
    if (!speed || speed.interval && !isSettled(speed) || adapterClass === "software") return [];
    const [value, remark] = speedWords(speed);
    return [{ pair, value: speed.ratio, text: `**${value}** ${remark}` }];
  });
  return values.length ? ends(values) : null;
}

/** The smallest and the largest of values, and of what they are. */
function ends(values: { pair: Pair; value: number; text: string }[]): string {
  const sorted = values.toSorted((a, b) => a.value - b.value);
  const [low, high] = [sorted[0], sorted.at(-1)!];
  if (low.text === high.text) return low.text;
  return [low, high].map(({ pair, text }) => `${text} [${subject(pair)}]`).join(" to ");
}
