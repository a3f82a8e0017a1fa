import { number, percentage, plural } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { costSentence, lossDifferences, verdictSentence } from "../report/losses.ts";
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
  const run = qualityCurve ? longRun(qualityCurve) : null;
  const again = qualityRecompute ? [qualityRecompute] : [];
  return [
    "### Quality",
    ...paragraph(...verdicts(quality), run),
    ...again.flatMap((sweep) => paragraph("**Blocks made again.**", ...verdicts(sweep, quality))),
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

/** The verdicts, and what is left to lose; not of what another sweep has judged, as its controls are. */
function verdicts({ comparisons }: Sweep, other?: Sweep): (string | null)[] {
  const judged = policiesOf(other?.comparisons ?? []);
  const tested = lossDifferences(comparisons).filter(({ policy }) => !judged.includes(policy));
  const seeds = range(tested.map(({ parity }) => parity.seeds), String);
  return [
    verdictSentence(tested),
    costSentence(tested),
    `All trained for ${plural(trainedSteps(comparisons), "step")}, from ${seeds} seeds.`,
  ];
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
