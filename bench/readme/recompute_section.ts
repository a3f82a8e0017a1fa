import { number, wholePercentage } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { comparedSteps, digits, gradientError } from "../report/gradient_tables.ts";
import { baseOf, type Comparison, names } from "../report/side_by_side.ts";
import { buffers, savedActivations } from "../report/tables.ts";
import { lossColumns, lossDifferences, lossSentence } from "../report/losses.ts";
import { picture, sources } from "./making.ts";
import { pieceCosts } from "./piece_costs.ts";
import type { Reports, Sweep } from "./reports.ts";
import { isSettled, speedText } from "../report/speeds.ts";
import { code, list, policiesOf, table } from "../report/words.ts";

/** Blocks made again in backward, and mini-sequences: memory, speed, quality, and what pieces cost. */
export function recomputeSection({ sweeps }: Reports): string | null {
  const parts = [
    sweeps.recompute && memoryAndSpeed(sweeps.recompute),
    sweeps.recomputeMicro &&
    quality(sweeps.recomputeMicro, [sweeps.recomputeImages, sweeps.recomputeImagesMst8]),
    sweeps.pieces && pieceCosts(sweeps.pieces),
  ].filter((part) => part !== undefined && part !== null);
  return parts.length ? ["### Recompute and mini-sequences", ...parts].join("\n\n") : null;
}

function memoryAndSpeed(sweep: Sweep): string {
  const [comparison] = sweep.comparisons;
  const base = baseOf(comparison);
  const cells = [...comparison.cells.values()];
  const shares = cells.filter((cell) => cell !== base).flatMap((cell) => {
    const paired = cell.speedAgainst(base);
    if (!paired || !cell.memory || !base.memory) return [];
    const buffers = wholePercentage(cell.memory.bufferBytes / base.memory.bufferBytes);
    const open = paired.interval !== null && !isSettled(paired);
    const speed = open ? "no settled speed" : wholePercentage(paired.ratio);
    return [{
      buffers,
      speed,
      open,
      policy: code(cell.configuration.policy),
      known: paired.interval !== null,
    }];
  });
  const told = shares.map(({ buffers, speed, open, policy }, i) =>
    i === 0
      ? `${buffers} of \`exact\`'s buffers at ${speed}${open ? "" : " of its speed"} under ${policy}`
      : `${buffers} at ${speed} under ${policy}`
  );
  const few = shares.filter(({ known }) => !known).map(({ policy }) => policy);
  const whose = few.length < shares.length ? `, that of ${list(few)}` : ",";
  const sentence = `GPT-2 ${names(comparison).join(", ")} tokens, trains in ${list(told)}${
    few.length > 0 ? `${whose} by too few rounds for an interval` : ""
  }.`;
  const rows = cells.map((cell) => [
    code(cell.configuration.policy),
    ...[savedActivations, buffers].map((quantity) => quantity.show(cell, base) ?? "–"),
    cell.tokensPerSecond === null ? "–" : number(cell.tokensPerSecond),
    speedText(cell, base),
  ]);
  return [
    sentence,
    table(["", savedActivations.label, buffers.label, "tokens/s", "speed"], rows),
    sources(sweep),
    picture(sweep, "memory.svg", "Memory at the peak, by category"),
  ].join("\n\n");
}

/** Gradient error and losses of texts, beside the losses of images, of each policy where it has the most seeds. */
function quality(texts: Sweep, images: (Sweep | undefined)[]): string {
  const [comparison] = texts.comparisons;
  const errorOf = (policy: string) => {
    const cell = comparison.cells.get(policy);
    return cell ? gradientError(cell) : null;
  };
  const found = images.filter((sweep) => sweep !== undefined);
  const pictured = found.flatMap(({ comparisons }) => lossDifferences(comparisons))
    .toSorted((a, b) => b.parity.seeds - a.parity.seeds);
  const worded = lossDifferences(texts.comparisons);
  const policies = policiesOf([...texts.comparisons, ...found.flatMap(({ comparisons }) => comparisons)])
    .filter((policy) => policy !== "exact");
  const rows = policies.map((policy) => {
    const error = errorOf(policy);
    return [
      code(policy),
      error === null ? "–" : digits(error),
      ...[worded, pictured].flatMap((differences) => {
        const one = differences.find((difference) => difference.policy === policy);
        return one ? lossColumns(one.parity) : ["–", "–"];
      }),
    ];
  });
  const titles = [comparison.model, found[0]?.comparisons[0].model ?? "images"]
    .flatMap((model) => [`${model}: loss less \`exact\`'s (interval), seeds`, "at most"]);
  const shown = policies.flatMap((policy) =>
    [worded, pictured].flatMap((of) => of.find((difference) => difference.policy === policy) ?? [])
  );
  return [
    `${errorSentence(comparison, errorOf)} ${
      lossSentence(shown)
    } Final validation loss less \`exact\`'s from the same seeds, as under ` +
    "[Quality](#quality):",
    table(["", `gradient error, ${comparison.model}`, ...titles], rows),
    sources(texts, ...found),
  ].join("\n\n");
}

function errorSentence(comparison: Comparison<Cell>, errorOf: (policy: string) => number | null): string {
  const [made, read] = ["recompute8", "mesa8"].map(errorOf);
  if (made === null || read === null) return "";
  const [more, factor] = made <= read ? ["smaller", read / made] : ["larger", made / read];
  return `The gradient error of what backward makes again from 8 bits (\`recompute8\`) is ${
    factor.toFixed(1)
  } times ${more} than that of \`mesa8\`, of ${names(comparison).join(", ")} tokens in training, ${
    comparedSteps(comparison.cells.get("recompute8")!)
  }.`;
}
