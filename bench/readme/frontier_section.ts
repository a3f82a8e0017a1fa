import { bytes, ratio } from "../../src/text/format.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import type { Cell } from "../report/cell_rounds.ts";
import {
  divergedItself,
  type FrontierPoint,
  frontierPoints,
  peerPoints,
  policiesOf,
  ranWell,
  stairs,
} from "../report/frontier.ts";
import {
  besidePyTorch,
  comparedAt,
  comparedSentence,
  divergedSentence,
  fastest,
  meaning,
  plannedAt,
  smallError,
  within,
} from "../report/frontier_answers.ts";
import { lossesSentence } from "../report/frontier_losses.ts";
import { combinationsTable } from "../report/frontier_tables.ts";
import { baseOf, type Comparison, names } from "../report/side_by_side.ts";
import { timedOf } from "../report/timed_cell.ts";
import { code, list } from "../report/words.ts";
import { runtimeOf } from "../results/results.ts";
import { harmfulOf } from "./harmful.ts";
import { picture, sources } from "./making.ts";
import type { Reports, Sweep } from "./reports.ts";

/** Where policies stand together with other choices of a step, timed and not trained to an end. */
export const frontiers = ["frontier", "frontierNative", "frontierDeit", "frontierDeitNative"] as const;

/**
 * Every policy with every choice of a step: what nothing else that ran beats in memory, speed and gradient error together. Policies that end training worse
 * are left out.
 */
export function frontierSection({ sweeps }: Reports): string | null {
  const found = frontiers.map((name) => sweeps[name]).filter((sweep) =>
    sweep?.told.frontier !== undefined
  ) as Sweep[];
  if (found.length === 0) return null;
  const harmful = harmfulOf(sweeps.quality);
  const worth = found.map((sweep) => ({ sweep, of: worthwhile(sweep, harmful) }));
  const told = worth.flatMap(({ sweep, of }) => of.map((one) => sentence(one, sweep)));
  const without = harmful.length > 0
    ? ` Without ${list(harmful.map(code))}, under which training ends worse ([Quality](#quality)).`
    : "";
  return [
    "### What is worth it",
    "Of policies with choices of a step, from the smallest to the fastest that no other which ran beats in memory, speed and gradient error " +
    `together, with a gradient error of at most ${smallError}: ${told.join("; ")}.${
      versions(found)
    }${without}`,
    ...worth.map(({ sweep, of }) => beside(of, sweep)),
    meaning,
  ].join("\n\n");
}

/** What has to be known to read frontiers of different versions of the program beside each other. */
function versions(found: readonly Sweep[]): string {
  if (new Set(found.map(({ told }) => told.sources)).size < 2) return "";
  const commits = list([...new Set(found.flatMap(({ commits }) => commits))]);
  return ` They are of different versions of the program (commits ${commits}), so what differs between them is not the runtime's alone.`;
}

/** A comparison of a sweep, and its points by the numbers that the report's picture has. */
interface Worthwhile {
  comparison: Comparison<Cell>;
  points: FrontierPoint[];
  /** How training ended under them. */
  losses: string | null;
}

/** What is worth a look of each comparison of a sweep. */
const worthwhile = ({ comparisons, told }: Sweep, harmful: readonly string[]): Worthwhile[] =>
  comparisons.map((comparison) => {
    const numbers = new Map(frontierPoints(comparison).map(({ name, number }) => [name, number]));
    const policyOf = policiesOf(told);
    const cells = [...comparison.cells].filter(([name]) => !harmful.includes(policyOf.get(name) ?? name));
    const points = frontierPoints({ ...comparison, cells: new Map(cells) })
      .map((point) => ({ ...point, number: numbers.get(point.name)! }));
    return { comparison, points, losses: lossesSentence(comparison, points) };
  });

/** "small, 16 × 1024 tokens under Dawn" */
function subject(comparison: Comparison<Cell>): string {
  const [{ environment }] = baseOf(comparison).records;
  const runtime = runtimeOf(environment) === "dawn" ? "under Dawn" : "natively";
  return `${names(comparison).join(", ")} tokens ${runtime}`;
}

/** "…, from 1.24 GiB at 0.86× of `exact`'s speed (`mst8`) to 6.3 GiB at 3.05× (`exact + f16`), 21 beaten of the 34 that were measured of 234" */
function sentence({ comparison, points, losses }: Worthwhile, { told }: Sweep): string {
  const timed = timedOf(comparison) ?? baseOf(comparison);
  const near = within(points, smallError);
  const steps = stairs(near);
  const [first, last] = [steps[0] ?? near[0], steps.at(-1)];
  const ran = points.filter(ranWell).length;
  const lost = points.filter(({ beatenBy }) => beatenBy.length > 0).length;
  const ends = [first, ...last && last !== first ? [last] : []].flatMap((point, i) => {
    if (!point) return [];
    const speed = last && point.cell.speedAgainst(timed)?.ratio;
    const whose = i === 0
      ? ` of ${code(timed.configuration.policy)}'s speed in ${
        timed.configuration.arithmetic ?? stepDefaults.arithmetic
      }`
      : "";
    return [`${bytes(point.bytes)}${speed ? ` at ${ratio(speed)}${whose}` : ""} (${code(point.name)})`];
  });
  const range = ends.length > 1 ? `from ${ends.join(" to ")}` : ends[0] ?? "nothing that was compared";
  const diverged = points.filter(divergedItself).map(({ name }) => code(name));
  const without = diverged.length > 0 ? `; training, or its gradient, diverged under ${list(diverged)}` : "";
  const ended = losses ? `; ${losses.slice(0, 1).toLowerCase()}${losses.slice(1, -1)}` : "";
  const compared = comparedAt(comparison);
  return `${subject(comparison)}${
    compared ? `, at ${compared}` : ""
  }, ${range}, ${lost} of ${ran} that ran being beaten (${
    plannedAt(comparison, told).length
  } were planned)${without}${ended}`;
}

/** What is fastest in so much memory, where PyTorch's rows lie, and a row for each combination that nothing beats. */
function beside(worth: readonly Worthwhile[], sweep: Sweep): string {
  const parts = worth.flatMap(({ comparison, points, losses }) => {
    const unbeaten = points.filter((point) => ranWell(point) && point.beatenBy.length === 0);
    return [
      [`**${subject(comparison)}.**`, fastest(comparison, points) ?? "None ran to its end."].join(" "),
      comparedSentence(comparison),
      divergedSentence(points),
      losses,
      besidePyTorch(peerPoints(comparison, points, sweep.told), points, comparison),
      "What no other combination beats, by its number in the picture:",
      combinationsTable(comparison, unbeaten),
    ].filter((part) => part !== null);
  });
  return [
    ...parts,
    sources(sweep),
    picture(
      sweep,
      "frontier.svg",
      "Speed and gradient error against memory; what is beaten or diverged is grey",
    ),
  ].join("\n\n");
}
