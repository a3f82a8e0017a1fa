import { code, list, table } from "../report/words.ts";
import type { ProvedFit } from "./fits.ts";
import type { Reports } from "./reports.ts";

/** What fits on the card by plan, each answer tried on it. */
export function fitSection({ fits }: Reports): string | null {
  if (!fits) return null;
  const { file, card, memory, choices, rows, made } = fits;
  const groups = [...Map.groupBy(rows, ({ model, at }) => `${model}, ${at}`)];
  const told = groups.map(([subject, of]) =>
    `${subject}: ${list(of.map(({ largest, policy }) => `${largest} under ${code(policy)}`))}`
  );
  return [
    "### What fits",
    `The largest that fits in ${memory} of one ${card}${choices && `, ${choices}`}: ${
      told.join("; ")
    }; what fits took a step there, and the next size was refused${
      rows.some(isWithin) ? ", by the device itself where it lies within the memory by plan" : ""
    }.`,
    table(
      ["model", "at", "policy", "largest", "buffers", "the next", "exceeds by", "proof"],
      rows.map(rowOf),
      3,
    ),
    `- [what was printed](${file})${made ? `: ${made}` : ""}`,
  ].join("\n\n");
}

/** Whether the plan of the next size would find room. */
const isWithin = ({ exceeds }: ProvedFit) => exceeds.endsWith(" within it");

const rowOf = ({ model, at, policy, largest, buffers, next, exceeds, proof }: ProvedFit) => [
  ...[model, at, code(policy), largest, buffers, next, exceeds, proof],
];
