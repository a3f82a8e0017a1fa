import { UserError } from "../../src/errors.ts";
import { type StepChoices, unusual } from "../../src/train/step_choices.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { median } from "../statistics/statistics.ts";
import { adapterTitle, ran, statusWords } from "../results/results.ts";
import { compareLosses, type LossVerdict } from "./losses.ts";
import { compareMemory, type MemoryChange, type MemoryVerdict, memoryVerdict } from "./memory.ts";
import { areInterleaved, cellsOf, differences, mixedChoices, refuseIncomparable } from "./reports.ts";
import type { Report } from "../results/read_results.ts";
import {
  driftingSpeed,
  pairedSpeed,
  separateSpeed,
  type SpeedRatio,
  type SpeedVerdict,
  verdictOf,
} from "./speed.ts";

/** How a cell ended in a report: `missing` has no record there. */
type Ending = keyof typeof statusWords | "missing";

/** One cell in two reports. */
export interface ComparedCell {
  readonly model: string;
  readonly sequence: number;
  readonly batch: number;
  readonly policy: string;
  /** Those of a step that the reports' other cells do not share, and the policy's name does not tell. */
  readonly choices: StepChoices;
  readonly endings: { readonly base: Ending; readonly own: Ending };
  /** Null where one of the two was not timed. */
  readonly speed: (SpeedRatio & { readonly verdict: SpeedVerdict }) | null;
  readonly memory: { readonly verdict: MemoryVerdict; readonly changes: readonly MemoryChange[] } | null;
  readonly losses: LossVerdict | null;
  /** The cell in the new report, where it stands there. */
  readonly own: Cell | null;
}

/** How the times of two reports hang together, best first. */
export type Pairing =
  /** Round by round, by turns. */
  | "interleaved"
  /** Two runs, and a reference in both. */
  | "reference"
  /** Two runs and no reference, so what lies between them stays in the ratio. */
  | "none"
  /** Different adapters or runtimes, as was asked for: the ratio is that of two machines. */
  | "across";

/** What counts as the same speed where nothing is said. */
export const usualTolerance = 0.02;

export interface Comparison {
  readonly base: Report;
  readonly own: Report;
  readonly pairing: Pairing;
  /** What differs and was allowed to. */
  readonly differences: readonly string[];
  readonly tolerance: number;
  /** Speed of the machine itself in the new report as a multiple of the base's, by the reference's works; empty without a reference. */
  readonly drift: Readonly<Record<string, number>>;
  readonly cells: readonly ComparedCell[];
}

/**
 * Compares two reports cell by cell. Throws a UserError if they share no cell, or are of different adapters, drivers, runtimes, schema
 * versions or choices of a step, such as its arithmetic, and `across` does not allow it.
 */
export function compareReports(
  base: Report,
  own: Report,
  { tolerance, across }: { tolerance: number; across: boolean },
): Comparison {
  refuseIncomparable(base, own, across);
  const apart = mixedChoices([base, own]);
  const [bases, owns] = [cellsOf(base, apart), cellsOf(own, apart)];
  const identities = [...new Set([...bases.keys(), ...owns.keys()])];
  const shared = identities.filter((identity) => bases.has(identity) && owns.has(identity));
  if (shared.length === 0) {
    throw new UserError(
      `${base.folder} and ${own.folder} share no cell: give reports with a model, length, batch and policy in common`,
    );
  }
  const pairing = pairingOf(base, own, shared.map((identity) => [bases.get(identity)!, owns.get(identity)!]));
  return {
    base,
    own,
    pairing,
    differences: differences(base, own),
    tolerance,
    drift: pairing === "interleaved" ? {} : driftOf([...bases.values()], [...owns.values()]),
    cells: identities.map((identity) =>
      compareCell(bases.get(identity), owns.get(identity), apart, pairing, tolerance)
    ),
  };
}

function pairingOf(base: Report, own: Report, pairs: readonly [Cell, Cell][]): Pairing {
  if (areInterleaved(base, own)) return "interleaved";
  const [one, other] = [base, own].map(({ results }) => results.records[0].environment).map(adapterTitle);
  if (one !== other) return "across";
  const timed = pairs.flatMap(([base, own]) => driftingSpeed(base, own) ?? []);
  return timed.length > 0 && timed.every(({ known }) => known) ? "reference" : "none";
}

function compareCell(
  base: Cell | undefined,
  own: Cell | undefined,
  apart: readonly (keyof StepChoices)[],
  pairing: Pairing,
  tolerance: number,
): ComparedCell {
  const { configuration } = base ?? own!;
  const { model, sequence, batch, policy, beside } = configuration;
  const all = unusual(beside ?? configuration);
  const choices = Object.fromEntries(apart.flatMap((choice) => choice in all ? [[choice, all[choice]]] : []));
  const endings = { base: endingOf(base), own: endingOf(own) };
  const speed = base && own ? speedOf(base, own, pairing) : null;
  const changes = base && own ? compareMemory(base, own) : [];
  const memory = memoryVerdict(changes);
  return {
    ...{ model, sequence, batch, policy, choices, endings },
    speed: speed && { ...speed, verdict: verdictOf(speed, tolerance) },
    memory: memory && { verdict: memory, changes },
    losses: base && own ? compareLosses(base, own) : null,
    own: own ?? null,
  };
}

function endingOf(cell: Cell | undefined): Ending {
  if (!cell) return "missing";
  return cell.records.find((record) => !ran(record))?.status ?? cell.failure?.status ?? "ok";
}

function speedOf(base: Cell, own: Cell, pairing: Pairing): SpeedRatio | null {
  if (pairing === "interleaved") return pairedSpeed(base, own);
  if (pairing === "across") {
    return separateSpeed([...base.stepByRound.values()], [...own.stepByRound.values()]);
  }
  const { speed = null } = driftingSpeed(base, own) ?? {};
  // What lies between the runs is not known, so no interval would hold.
  return pairing === "none" ? speed && { ...speed, low: null, high: null } : speed;
}

function driftOf(bases: readonly Cell[], owns: readonly Cell[]): Record<string, number> {
  const timesOf = (cells: readonly Cell[]) => cells.flatMap((cell) => [...cell.referenceByRound.values()]);
  const [base, own] = [timesOf(bases), timesOf(owns)];
  const works = Object.keys(base[0] ?? {}).filter((work) =>
    [...base, ...own].every((times) => work in times)
  );
  if (own.length === 0) return {};
  const middle = (times: typeof base, work: string) => median(times.map((one) => one[work]));
  return Object.fromEntries(works.map((work) => [work, middle(base, work) / middle(own, work)]));
}
