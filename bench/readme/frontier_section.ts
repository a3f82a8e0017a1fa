import { bytes, ratio } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { frontierPoints, peerPoints, ranWell, stairs } from "../report/frontier.ts";
import { besidePyTorch, fastest, meaning, smallError, within } from "../report/frontier_answers.ts";
import { combinationsTable } from "../report/frontier_tables.ts";
import { baseOf, type Comparison, names } from "../report/side_by_side.ts";
import { timedOf } from "../report/timed_cell.ts";
import { code } from "../report/words.ts";
import { runtimeOf } from "../results/results.ts";
import { picture, sources } from "./making.ts";
import type { Reports, Sweep } from "./reports.ts";

/** Every policy with every choice of a step: what nothing beats in memory, speed and gradient error together. */
export function frontierSection({ sweeps }: Reports): string | null {
  const { frontier, frontierNative, frontierDeit, frontierDeitNative } = sweeps;
  const found = [frontier, frontierNative, frontierDeit, frontierDeitNative].filter((sweep) =>
    sweep?.told.frontier !== undefined
  ) as Sweep[];
  if (found.length === 0) return null;
  const told = found.flatMap(({ comparisons }) => comparisons.map(sentence));
  return [
    "### What is worth it",
    "Of the policies with every choice of a step, from the smallest to the fastest that nothing beats in memory, speed and gradient error " +
    `together, with a gradient error of at most ${smallError}: ${told.join("; ")}.`,
    ...found.map(beside),
    meaning,
  ].join("\n\n");
}

/** "small, 16 × 1024 tokens under Dawn" */
function subject(comparison: Comparison<Cell>): string {
  const [{ environment }] = baseOf(comparison).records;
  const runtime = runtimeOf(environment) === "dawn" ? "under Dawn" : "natively";
  return `${names(comparison).join(", ")} tokens ${runtime}`;
}

/** "…, from 1.24 GiB at 0.86× of `exact`'s speed (`mst8`) to 6.3 GiB at 3.05× (`exact + f16`); of 34 that ran 21 are beaten" */
function sentence(comparison: Comparison<Cell>): string {
  const timed = timedOf(comparison) ?? baseOf(comparison);
  const points = frontierPoints(comparison);
  const near = within(points, smallError);
  const steps = stairs(near);
  const [first, last] = [steps[0] ?? near[0], steps.at(-1)];
  const ran = points.filter(ranWell).length;
  const lost = points.filter(({ beatenBy }) => beatenBy.length > 0).length;
  const told = [first, ...last && last !== first ? [last] : []].flatMap((point, i) => {
    if (!point) return [];
    const speed = last && point.cell.speedAgainst(timed)?.ratio;
    const whose = i === 0 ? ` of ${code(timed.configuration.policy)}'s speed` : "";
    return [`${bytes(point.bytes)}${speed ? ` at ${ratio(speed)}${whose}` : ""} (${code(point.name)})`];
  });
  const ends = told.length > 1 ? `from ${told.join(" to ")}` : told[0] ?? "nothing that was compared";
  return `${subject(comparison)}, ${ends}, ${lost} of ${ran} that ran being beaten`;
}

/** What is fastest in so much memory, where PyTorch's rows lie, and a row for each combination that nothing beats. */
function beside(sweep: Sweep): string {
  const { comparisons, told } = sweep;
  const parts = comparisons.flatMap((comparison) => {
    const points = frontierPoints(comparison);
    const unbeaten = points.filter((point) => ranWell(point) && point.beatenBy.length === 0);
    return [
      [`**${subject(comparison)}.**`, fastest(comparison, points) ?? "None ran to its end."].join(" "),
      besidePyTorch(peerPoints(comparison, points, told), comparison),
      "What nothing beats, by its number in the picture:",
      combinationsTable(comparison, unbeaten),
    ].filter((part) => part !== null);
  });
  return [
    ...parts,
    sources(sweep),
    picture(sweep, "frontier.svg", "Speed and gradient error against memory; what is beaten is grey"),
  ].join("\n\n");
}
