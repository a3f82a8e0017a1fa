/** What a frontier says in sentences: what is fastest in so much memory, what is beaten by what, and where PyTorch's rows lie. */

import { bytes, number, plural, ratio, wholePercentage } from "../../src/text/format.ts";
import type { PlannedCombination, Told } from "../results/run_header.ts";
import type { Cell } from "./cell_rounds.ts";
import {
  divergedItself,
  type FrontierPoint,
  frontierPoints,
  type PeerPoint,
  peerPoints,
  ranWell,
  roundingError,
  sameError,
  sameSpeed,
  stairs,
} from "./frontier.ts";
import { lossesAbove, lossesSentence } from "./frontier_losses.ts";
import { comparedSteps, digits } from "./gradient_tables.ts";
import { hasLearnt } from "./parity.ts";
import { subject } from "./savings.ts";
import { baseOf, type Comparison } from "./side_by_side.ts";
import { timedOf } from "./timed_cell.ts";
import { code, list } from "./words.ts";

/** A gradient error that a user may well take. */
export const smallError = 1e-2;

/** How far a gradient may be from that of `exact` in f32. */
const bounds: readonly [most: number, words: string][] = [
  [roundingError, `with a gradient error of at most ${roundingError.toExponential()}`],
  [smallError, `with a gradient error of at most ${smallError}`],
  [Infinity, "whatever its gradient error"],
];

/** The combinations that ran to their end with a gradient error known to be at most so much; with `Infinity`, whatever it is. */
export const within = (points: readonly FrontierPoint[], most: number): FrontierPoint[] =>
  points.filter((point) =>
    ranWell(point) && (most === Infinity || point.error !== null && point.error <= most)
  );

/** The answers of a frontier as markdown, comparison by comparison; null where none was looked for. */
export function frontierAnswers(comparisons: readonly Comparison<Cell>[], told: Told): string | null {
  if (!told.frontier) return null;
  return [...comparisons.map((comparison) => answersOf(comparison, told)), meaning].join("\n\n");
}

/** What a gradient error is, and what it leaves open. */
export const meaning =
  "A gradient error is that of a policy in an arithmetic, beside `exact` in f32 on the same weights and batch. What weights and moments " +
  "are kept in, and when they are updated, decides which weights come next and not this gradient, so a combination has the figure of its " +
  "policy and arithmetic alone; rounded weights are those that both gradients are computed from. Whether training suffers is another " +
  "question, that of `bench parity` and `bench parity-states`.";

function answersOf(comparison: Comparison<Cell>, told: Told): string {
  const points = frontierPoints(comparison);
  const peers = peerPoints(comparison, points, told);
  return [
    planned(comparison, points, told),
    comparedSentence(comparison),
    divergedSentence(points),
    lossesSentence(comparison, lossesAbove(comparison, points)),
    fastest(comparison, points),
    beaten(points),
    besidePyTorch(peers, points, comparison),
  ].filter((part) => part !== null).join("\n\n");
}

/** "steps 50 to 100"; undefined where no gradients were compared. */
export const comparedAt = ({ cells }: Comparison<Cell>): string | undefined =>
  [...cells.values()].map(comparedSteps).find((steps) => steps !== null) ?? undefined;

/** At which steps gradients were compared, and what that leaves open; null where none was. */
export function comparedSentence(comparison: Comparison<Cell>): string | null {
  const steps = comparedAt(comparison);
  if (!steps) return null;
  return `Gradient errors are those at ${steps} of training${
    hasLearnt(baseOf(comparison))
      ? ""
      : ", when `exact` did no better yet than what is known of the data without a network: later ones may be far larger"
  }.`;
}

/** Which combinations are no way to train, because training diverged by their policy; null where none did. */
export function divergedSentence(points: readonly FrontierPoint[]): string | null {
  const trained = points.filter(divergedItself);
  const others = points.filter((point) => point.diverged && !divergedItself(point));
  if (trained.length === 0) return null;
  const alike = others.length > 0
    ? `, and so ${plural(others.length, "other combination")} of the same policies and arithmetics ${
      others.length === 1 ? "counts" : "count"
    } as no way to train`
    : "";
  return `Training **diverged** under ${list(trained.map(({ name }) => code(name)))}${alike}.`;
}

/** The combinations at a comparison's model and size of which a plan tells the bytes, the smallest first. */
export const plannedAt = (
  { model, sequence, batch }: Comparison<Cell>,
  { frontier }: Told,
): PlannedCombination[] =>
  frontier!.planned.filter((one) =>
    one.model === model && one.sequence === sequence && one.batch === batch && one.memory
  ).toSorted((a, b) => a.memory!.bufferBytes - b.memory!.bufferBytes);

/** How many combinations there are, between which bytes, and how many were measured. */
function planned(comparison: Comparison<Cell>, points: readonly FrontierPoint[], told: Told): string {
  const all = plannedAt(comparison, told);
  const ends = [all[0], all.at(-1)].flatMap((one) =>
    one ? [`${bytes(one.memory!.bufferBytes)} (${code(one.name)})`] : []
  );
  const measured = points.filter(ranWell).length;
  return `${subject({ comparison })}: ${
    plural(all.length, "combination")
  } of a policy with choices of a step take, by plan, ${ends.join(" to ")}; ${measured} of them ran.`;
}

/** What is fastest in so much memory, by how far its gradient may be off; what is smallest where speeds say nothing; null where none ran. */
export function fastest(comparison: Comparison<Cell>, points: readonly FrontierPoint[]): string | null {
  const timed = timedOf(comparison);
  const stepsOf = (most: number) => stairs(within(points, most));
  const speeds = bounds.flatMap(([most, words], i) => {
    const steps = stepsOf(most);
    const before = i > 0 ? stepsOf(bounds[i - 1][0]) : [];
    const same = steps.length === before.length && steps.every((step, place) => step === before[place]);
    return steps.length === 0 || same
      ? []
      : [`- ${words}: ${steps.map((step) => stair(step, timed)).join("; ")}.`];
  });
  if (timed && speeds.length > 0) {
    const asWhat = timed.step ? `, and its speed as a multiple of ${code(timed.configuration.policy)}'s` : ""; // it ran in company
    return `The fastest in so much memory${asWhat}:\n\n${speeds.join("\n")}`;
  }
  const smallest = bounds.flatMap(([most, words]) => {
    const [first] = within(points, most);
    return first ? [`- ${words}: ${code(first.name)}, ${bytes(first.bytes)}.`] : [];
  });
  return smallest.length > 0
    ? `Speeds tell nothing here, so that memory alone was weighed. Smallest is\n\n${smallest.join("\n")}`
    : null;
}

/** "from **1.24 GiB** `mst8 + bf16 weights` (0.860×, gradient error 0.0026)" */
function stair({ name, cell, bytes: own, error }: FrontierPoint, timed?: Cell): string {
  const speed = timed && cell.speedAgainst(timed);
  const told = [
    ...speed ? [`${speed.ratio.toFixed(3)}×`] : [],
    ...error ? [`gradient error ${digits(error)}`] : [],
  ];
  return `from **${bytes(own)}** ${code(name)}${told.length > 0 ? ` (${told.join(", ")})` : ""}`;
}

/** Every combination that is beaten, with the first of those that beat it; then those that are neither. */
function beaten(points: readonly FrontierPoint[]): string | null {
  const lost = points.filter(({ beatenBy }) => beatenBy.length > 0);
  if (lost.length === 0) return null;
  const byWinner = Map.groupBy(lost, ({ beatenBy: [first] }) => first);
  const lines = [...byWinner].toSorted(([a], [b]) => a.number - b.number)
    .map(([winner, of]) => `- ${code(winner.name)} beats ${list(of.map(({ name }) => code(name)))}.`);
  const others = points.filter((point) =>
    point.beatenBy.length === 0 && ranWell(point) && !byWinner.has(point)
  );
  const neither = others.length > 0
    ? [`Beaten by none, and beating none: ${list(others.map(({ name }) => code(name)))}.`]
    : [];
  return [
    `${lost.length} ${
      lost.length === 1 ? "is" : "are"
    } **beaten**: another takes no more memory, is not known to be slower, and by less than ${
      wholePercentage(sameSpeed)
    } at most, has no gradient error larger by more than ${
      wholePercentage(sameError)
    }, and is better in one of the three.`,
    lines.join("\n"),
    ...neither,
  ].join("\n\n");
}

/** Where PyTorch's rows lie, as sentences; null without any. */
export function besidePyTorch(
  peers: readonly PeerPoint[],
  points: readonly FrontierPoint[],
  comparison: Comparison<Cell>,
): string | null {
  if (peers.length === 0) return null;
  const [base, timed] = [baseOf(comparison), timedOf(comparison)]
    .map((cell) => code(cell!.configuration.policy)); // without a cell that was timed there are no rows
  const buffers = base === timed ? "its" : `${base}'s`;
  const lost = peers.filter(({ beatenBy }) => beatenBy.length > 0);
  const fast = peers.toSorted((a, b) => b.speed - a.speed)[0];
  const where = ({ name, speed, memory, tokensPerSecond }: PeerPoint) =>
    `${name} (${number(tokensPerSecond)} tokens/s; ${ratio(speed)} of ${timed}'s speed in ${
      ratio(memory)
    } of ${buffers} buffers)`;
  return `Of PyTorch's ${plural(peers.length, "row")} on this card the fastest is ${
    where(fast)
  }, the smallest ${where(peers[0])}. ${beatenByPeers(peers, points)} ${
    lost.length > 0
      ? `Some combination is smaller, and faster than the fastest round, than each of: ${
        lost.map(({ name }) => name).join("; ")
      }.`
      : "No combination is smaller than one of them, and faster than its fastest round."
  } Their gradients were not compared.`;
}

/** How many combinations are larger and slower than a row of PyTorch's, and which of the others are worth a look. */
function beatenByPeers(peers: readonly PeerPoint[], points: readonly FrontierPoint[]): string {
  const ran = points.filter(ranWell);
  const isLost = (point: FrontierPoint) => peers.some(({ beats }) => beats.includes(point));
  const lost = ran.filter(isLost);
  if (lost.length === 0) return "No combination that ran is both larger and slower than one of them.";
  const kept = ran.filter((point) => point.beatenBy.length === 0 && !isLost(point));
  return `${lost.length} of the ${plural(ran.length, "combination")} that ran ${
    lost.length === 1 ? "is" : "are"
  } larger and slower than one of them; of those that no other combination beats, ${
    kept.length > 0 ? `the others are ${list(kept.map(({ name }) => code(name)))}` : "all are"
  }.`;
}
