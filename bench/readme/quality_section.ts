import { number, percentage, plural } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import {
  costSentence,
  judged,
  type LossDifference,
  lossDifferences,
  verdictsText,
} from "../report/losses.ts";
import { lossShares } from "../report/parity.ts";
import { baseOf } from "../report/side_by_side.ts";
import { code, list, paragraph, policiesOf, range } from "../report/words.ts";
import { lossParts, trainedSteps } from "./loss_parts.ts";
import { picture, sources } from "./making.ts";
import type { Reports, Sweep } from "./reports.ts";

/** What policies cost in validation loss: by what they store, and where blocks are made again. */
export function qualitySection(
  { sweeps: { quality, qualityCurve, qualityRecompute } }: Reports,
): string | null {
  if (!quality) return null;
  const again = qualityRecompute ? [qualityRecompute] : [];
  const tests = [
    { steps: trainedSteps(quality.comparisons), tested: testedIn(quality) },
    ...again.map((sweep) => ({
      steps: trainedSteps(sweep.comparisons),
      tested: testedIn(sweep, policiesOf(quality.comparisons)),
    })),
  ];
  return [
    "### Quality",
    ...paragraph(
      `${judged(tests.flatMap(({ tested }) => tested))}: ${tests.map(verdicts).join("; ")}.`,
      qualityCurve ? longRun(qualityCurve) : null,
    ),
    ...paragraph(...tests.map(({ tested }) => costSentence(tested))),
    ...[quality, ...again].flatMap(({ comparisons }) => lossParts(comparisons)),
    sources(quality, ...again, ...qualityCurve ? [qualityCurve] : []),
    picture(
      quality,
      "loss_difference.svg",
      "Training loss less that of exact from the same seeds, by policy",
    ),
    ...qualityCurve
      ? [
        picture(
          qualityCurve,
          "loss_difference.svg",
          "The same of one seed, trained for longer",
        ),
      ]
      : [],
  ].join("\n\n");
}

/** The losses of a sweep, without those of policies that another has judged, as its controls are. */
const testedIn = ({ comparisons }: Sweep, elsewhere: readonly string[] = []) =>
  lossDifferences(comparisons).filter(({ policy }) => !elsewhere.includes(policy));

/** "after 2000 steps of 12 seeds `half` is equivalent" */
function verdicts({ steps, tested }: { steps: number; tested: LossDifference[] }): string {
  const seeds = range(tested.map(({ parity }) => parity.seeds), String);
  return `after ${plural(steps, "step")} of ${seeds} seeds ${verdictsText(tested)}`;
}

/** Where a run of one seed ends, on how much of its corpus, and what rounding alone moves it by; null without such an end. */
function longRun({ comparisons: [comparison] }: Sweep): string | null {
  const exact = baseOf(comparison);
  const byRounding = (cell: Cell) => cell.configuration.kernels === "other";
  const ends = [...comparison.cells].flatMap(([policy, cell]) => {
    const [share] = lossShares(cell, exact);
    if (share === undefined) return [];
    return [{ text: `${code(policy)} ${percentage(share, true)}`, alone: byRounding(cell) }];
  }).toSorted((a, b) => Number(a.alone) - Number(b.alone));
  if (ends.length === 0) return null;
  const { configuration: { qualitySteps }, records: [{ data }] } = exact;
  const tokens = qualitySteps * comparison.batch * comparison.sequence;
  const windows = data.kind === "text"
    ? `on ${number(tokens)} tokens in windows from anywhere in a corpus of ${number(data.trainTokens)}, `
    : "";
  return `One seed of ${comparison.model}, trained ${windows}for ${plural(qualitySteps, "step")}, ends at ${
    list(ends.map(({ text }) => text))
  } of \`exact\`'s loss${
    ends.at(-1)!.alone ? ", the last by other rounding alone" : ""
  }; one seed settles nothing.`;
}
