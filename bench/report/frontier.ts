/** Measured combinations of policies and choices, and which of them another beats in memory, speed and gradient error together. */

import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { bytes as bytesText } from "../../src/text/format.ts";
import { isPlain, stepDefaults } from "../../src/train/step_choices.ts";
import { statusWords } from "../results/results.ts";
import type { PeerMark, Told } from "../results/run_header.ts";
import { isReference } from "../sweep/sweep.ts";
import type { Cell } from "./cell_rounds.ts";
import { isKnown } from "./dominance.ts";
import { gradientError } from "./gradient_tables.ts";
import { baseOf, type Comparison } from "./side_by_side.ts";
import { timedOf } from "./timed_cell.ts";

/** A combination that was measured, or planned and does not fit. */
export interface FrontierPoint {
  /** From 1, by memory: what pictures and tables call it. */
  readonly number: number;
  readonly name: string;
  readonly cell: Cell;
  /** Of its buffers. */
  readonly bytes: number;
  /** Of its policy in its arithmetic; null where none was compared. */
  readonly error: number | null;
  /** Whether training diverged by its policy in its arithmetic, in this combination or another. */
  readonly diverged: boolean;
  /** What beats it: what nothing beats before others, the fastest first. */
  readonly beatenBy: readonly FrontierPoint[];
}

/** Gradient errors that differ by less than this share are the same to whoever chooses. */
export const sameError = 0.05;

/** What may be slower by this share is not known to be as fast. */
export const sameSpeed = 0.01;

/**
 * Two orders of a sum in f32 differ by less than this share of a gradient: errors below it are none. `recompute`, which rounds nothing, has up to
 * 2.5e-5 after 100 steps of small where other variants of kernels make its sums again.
 */
export const roundingError = 3e-5;

/** The policy that each combination of a frontier is made of, by the combination's name. */
export const policiesOf = ({ frontier }: Told): ReadonlyMap<string, string> =>
  new Map(frontier?.planned.map(({ name, policy }) => [name, policy]));

/** The combinations of a comparison, the smallest first, of equals the fastest. */
export function frontierPoints(comparison: Comparison<Cell>): FrontierPoint[] {
  const timed = timedOf(comparison);
  const speed = ({ cell }: Pick<FrontierPoint, "cell">) => timed && cell.speedAgainst(timed)?.ratio || 0;
  const points = [...comparison.cells].flatMap(([name, cell]) =>
    cell.memory ? [{ name, cell, bytes: cell.memory.bufferBytes, ...trainedOf(cell, comparison) }] : []
  ).toSorted((a, b) => a.bytes - b.bytes || speed(b) - speed(a) || (a.name < b.name ? -1 : 1))
    .map((point, place) => ({ ...point, number: place + 1, beatenBy: [] as FrontierPoint[] }));
  for (const point of points) point.beatenBy = points.filter((other) => beats(other, point));
  const isBeaten = ({ beatenBy }: FrontierPoint) => beatenBy.length > 0 ? 1 : 0;
  for (const point of points) {
    point.beatenBy.sort((a, b) => isBeaten(a) - isBeaten(b) || speed(b) - speed(a));
  }
  return points;
}

/** Whether training diverged by a combination itself, not by another of its policy. */
export const divergedItself = ({ cell }: Pick<FrontierPoint, "cell">): boolean =>
  cell.failure?.status === "diverged";

/** Whether a combination ran to its end: what diverged is no way to train, however fast. */
export const ranWell = ({ cell, diverged }: Pick<FrontierPoint, "cell" | "diverged">): boolean =>
  cell.step !== null && !cell.failure && !diverged;

/** How a combination ended that is no way to train; null of one that ran to its end, or was not timed. */
export const ending = ({ cell, diverged }: Pick<FrontierPoint, "cell" | "diverged">): string | null =>
  cell.failure ? statusWords[cell.failure.status] : diverged ? "its policy diverged" : null;

/**
 * Whether a combination is no worse than another in bytes, gradient error and speed, and better for certain in one. What is slower for certain,
 * by however little, beats nothing: else a chain of small steps would lead to what is much slower.
 */
function beats(one: FrontierPoint, other: FrontierPoint): boolean {
  if (one === other || one.diverged || one.error === null || other.error === null) return false;
  if (![one, other].every(({ name, cell }) => isKnown([name, cell]))) return false;
  const interval = one.cell.speedAgainst(other.cell)?.interval;
  if (!interval || interval.low <= 1 - sameSpeed || interval.high < 1) return false;
  const exceeds = (a: number, b: number) =>
    Math.max(a, roundingError) > (1 + sameError) * Math.max(b, roundingError);
  return one.bytes <= other.bytes && !exceeds(one.error, other.error) &&
    (one.bytes < other.bytes || exceeds(other.error, one.error) || interval.low > 1);
}

/**
 * How far a cell's gradient is from that of `exact` in f32, of the same weights and batch, and whether training diverged. What weights and moments
 * are kept in, and when they are updated, changes no gradient of given weights, and one combination of a policy is trained for all: so both are
 * what is known of any cell with the same policy and arithmetic.
 */
function trainedOf(
  { configuration }: Cell,
  { cells }: Comparison<Cell>,
): Pick<FrontierPoint, "error" | "diverged"> {
  const { storage, arithmetic = stepDefaults.arithmetic } = configuration;
  const documentOf = ({ name: _, ...document }: PolicyDocument) => JSON.stringify(document);
  const alike = [...cells.values()].filter(({ configuration: other }) =>
    documentOf(other.storage) === documentOf(storage) &&
    (other.arithmetic ?? stepDefaults.arithmetic) === arithmetic
  );
  const isExact = isReference(storage) && arithmetic === "f32";
  return {
    error: isExact ? 0 : alike.map(gradientError).find((error) => error !== null) ?? null,
    diverged: alike.some((cell) => divergedItself({ cell })),
  };
}

/**
 * What is fastest in so much memory: each takes more of it than those before, as bytes are told, is faster for certain, and beaten by none of
 * the points.
 */
export function stairs(points: readonly FrontierPoint[]): FrontierPoint[] {
  const steps: FrontierPoint[] = [];
  const known = points.filter(({ name, cell, beatenBy }) =>
    isKnown([name, cell]) && !beatenBy.some((other) => points.includes(other))
  );
  for (const point of known) {
    const last = steps.at(-1);
    const interval = last && point.cell.speedAgainst(last.cell)?.interval;
    if (last && !(interval && interval.low > 1)) continue;
    if (last && bytesText(last.bytes) === bytesText(point.bytes)) steps.pop();
    steps.push(point);
  }
  return steps;
}

/** A row of PyTorch's beside the base of a comparison, and the cell that speeds are told by. */
export interface PeerPoint {
  readonly name: string;
  readonly bytes: number;
  readonly tokensPerSecond: number;
  /** Of the base's. */
  readonly memory: number;
  /** Of that cell's. */
  readonly speed: number;
  /** The combinations that are both smaller and faster than its fastest round, of weights and moments in f32, as PyTorch's are. */
  readonly beatenBy: readonly FrontierPoint[];
  /** Those that are both larger and slower, whatever their weights and moments are kept in. */
  readonly beats: readonly FrontierPoint[];
}

/** PyTorch's rows at a comparison's model and size, the smallest first; none where nothing was timed. */
export function peerPoints(
  comparison: Comparison<Cell>,
  points: readonly FrontierPoint[],
  { peers }: Pick<Told, "peers">,
): PeerPoint[] {
  const { memory } = baseOf(comparison);
  const tokensPerSecond = timedOf(comparison)?.tokensPerSecond ?? null;
  if (!memory || tokensPerSecond === null) return [];
  const { model, sequence, batch } = comparison;
  const isHere = (row: PeerMark) => row.model === model && row.sequence === sequence && row.batch === batch;
  return (peers?.rows ?? []).filter(isHere).map((
    { name, bytes, tokensPerSecond: speed, fastest = speed },
  ) => ({
    ...{ name, bytes, tokensPerSecond: speed },
    memory: bytes / memory.bufferBytes,
    speed: speed / tokensPerSecond,
    beatenBy: points.filter((point) =>
      ranWell(point) && isPlain(point.cell.configuration) && point.bytes < bytes &&
      (point.cell.tokensPerSecond ?? 0) > fastest
    ),
    beats: points.filter((point) =>
      ranWell(point) && point.bytes > bytes && (point.cell.tokensPerSecond ?? Infinity) < speed
    ),
  })).toSorted((a, b) => a.bytes - b.bytes);
}
