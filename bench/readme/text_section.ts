import { number, ratio } from "../../src/text/format.ts";
import { baseOf, names } from "../report/side_by_side.ts";
import { buffers, savedActivations, savedAgainstHalf } from "../report/tables.ts";
import { sources } from "./making.ts";
import type { Reports } from "./reports.ts";
import { speedRange, speedText } from "../report/speeds.ts";
import { code, list, pairsOf, policiesOf, range, table } from "../report/words.ts";

/** GPT-2 of several sizes: memory, beside 16 bits too, and speed. */
export function textSection({ sweeps: { text } }: Reports): string | null {
  const comparisons = text?.comparisons.filter(({ cells }) =>
    ["exact", "mesa8"].every((policy) => cells.get(policy)?.memory)
  );
  if (!text || !comparisons?.length) return null;
  const policies = policiesOf(comparisons).filter((policy) => policy !== "exact");
  const pairs = pairsOf(comparisons, "mesa8");
  const saved = pairs.map(({ own, base }) => own.memory!.savedBytes / base.memory!.savedBytes);
  const half = pairs.flatMap(({ own, comparison: { cells } }) => {
    const bytes = cells.get("half")?.memory?.savedBytes;
    return bytes ? [own.memory!.savedBytes / bytes] : [];
  });
  const speeds = policies.flatMap((policy) => {
    const speed = speedRange(comparisons, policy);
    return speed ? [`${speed} under ${code(policy)}`] : [];
  });
  const sentence = `What \`mesa8\` saves of activations takes ${range(saved, ratio)} of \`exact\`'s bytes${
    half.length
      ? `, and ${range(half, ratio)} of \`half\`'s, the reference for whoever trains in 16 bits anyway`
      : ""
  }${speeds.length ? `; speed is ${list(speeds)}` : ""}.`;
  const header = [
    "model",
    "tokens",
    ...["exact", ...policies].map((policy) => `saved, ${code(policy)}`),
    ...half.length ? ["`mesa8` of `half`"] : [],
    ...["exact", ...policies].map((policy) => `buffers, ${code(policy)}`),
    "tokens/s, `exact`",
    ...policies.map((policy) => `speed, ${code(policy)}`),
  ];
  const rows = comparisons.map((comparison) => {
    const base = baseOf(comparison);
    const cells = policies.map((policy) => comparison.cells.get(policy));
    const shown = (quantity: typeof buffers) =>
      [base, ...cells].map((cell) => cell && quantity.show(cell, base) || "–");
    const mesa8 = comparison.cells.get("mesa8");
    return [
      ...names(comparison),
      ...shown(savedActivations),
      ...half.length ? [mesa8 && savedAgainstHalf.show(mesa8, base, comparison) || "–"] : [],
      ...shown(buffers),
      base.tokensPerSecond === null ? "–" : number(base.tokensPerSecond),
      ...cells.map((cell) => cell ? speedText(cell, base) : "–"),
    ];
  });
  return ["### Text", sentence, table(header, rows), sources(text)].join("\n\n");
}
