import { bytes, number } from "../../src/text/format.ts";
import {
  howTrained,
  lengthsTable,
  longestSentence,
  speedsOfLongest,
  trainedUnder,
} from "../report/longest.ts";
import { sharedChoices } from "../report/longest_rows.ts";
import { publishedSentence } from "../report/mst_published.ts";
import { code, paragraph } from "../report/words.ts";
import { longSequence } from "./long_sequence.ts";
import { picture, sources } from "./making.ts";
import type { ProvedStep } from "./proofs.ts";
import type { Reports, Sweep } from "./reports.ts";

/** The longest sequences: of MST's models beside what its authors report, then those that trained, the largest model first. */
export function lengthSection({ sweeps, largeStep, largeStepNative }: Reports): string | null {
  const parts = [
    sweeps.longest && longest(sweeps.longest, sweeps.longest16),
    ...[largeStep, largeStepNative].map((step) => step && proved(step)),
    sweeps.longLlama && longSequence(sweeps.longLlama),
  ].filter((part) => part !== undefined && part !== null);
  return parts.length ? ["### Long sequences", ...parts].join("\n\n") : null;
}

const proved = (
  { file, card, model, sequence, policy, choices, bufferBytes, setUpSeconds, seconds, difference }:
    ProvedStep,
) =>
  `On one ${card} a whole step of ${code(model)}${
    policy ? ` under ${code(policy)}` : ""
  } on one sequence of ${number(sequence)} tokens, with its update, takes ${number(seconds)} s after ${
    number(setUpSeconds)
  } s of set-up, untuned, in ${bytes(bufferBytes)} of buffers, the plan's to the byte${
    choices && ` (${choices})`
  }; its loss is ${
    difference.toExponential(1)
  } from that of an evaluation in other pieces.\n\n- [what was printed](${file})`;

/** How long sequences may be by plan, which of them took a step, and what MST's authors report of the same models. */
function longest(sweep: Sweep, inHalves?: Sweep): string | null {
  const { comparisons, told } = sweep;
  const sentence = longestSentence(told, comparisons);
  const found = told.longest?.found ?? [];
  if (sentence === null) return null;
  const speeds = speedsOfLongest(found, comparisons);
  const theirs = publishedSentence(found.map(({ model }) => model));
  const trained = (policy: string, { told, comparisons }: Sweep) =>
    theirs && trainedUnder(policy, told.longest?.found ?? [], comparisons);
  const likewise = trained("mst", sweep);
  const halves = inHalves && trained("mst16", inHalves);
  return [
    ...paragraph(sentence, theirs),
    ...paragraph(
      speeds && `The longest that trained ran at ${[speeds, ...sharedChoices(found)].join(", ")}.`,
      likewise && `Their method with activations in f32, ${code("mst")}, trained ${likewise} here.`,
      halves ? `Block inputs in 16 bits, as theirs are, make that ${halves} (${code("mst16")}).` : null,
    ),
    `Multiples of ${number(told.longest!.unit)} tokens; the report has the bytes of each${
      theirs === null ? "" : ", and what differs from the published"
    }:`,
    lengthsTable(found, comparisons),
    howTrained(found, comparisons),
    sources(sweep, ...inHalves && halves ? [inHalves] : []),
    picture(
      sweep,
      "lengths.svg",
      "The longest sequences, trained, by plan and published, and speed by length",
    ),
  ].filter((part) => part !== null).join("\n\n");
}
