import { bytes, plural, ratio } from "../../src/text/format.ts";
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
  comparedSentence,
  divergedSentence,
  fastest,
  meaning,
  plannedAt,
  smallError,
  within,
} from "../report/frontier_answers.ts";
import { type LossesAbove, lossesAbove, lossesSentence, sharesAbove } from "../report/frontier_losses.ts";
import { combinationsTable } from "../report/frontier_tables.ts";
import { baseOf, type Comparison, names } from "../report/side_by_side.ts";
import { timedOf } from "../report/timed_cell.ts";
import { code, list, paragraph, range } from "../report/words.ts";
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
  const all = worth.flatMap(({ of }) => of);
  const without = harmful.length > 0
    ? `${list(harmful.map(code))} ${
      harmful.length === 1 ? "is" : "are"
    } left out, under which training ends worse ([Quality](#quality)).`
    : null;
  return [
    "### What is worth it",
    ...paragraph(
      "Of policies with choices of a step, from the smallest to the fastest that no other which ran beats in memory, speed and gradient error " +
        `together, with a gradient error of at most ${smallError}${speedsOf(all)}: ${
          all.map(ends).join("; ")
        }.`,
      endedHigher(all),
    ),
    ...paragraph(versions(found), without),
    ...worth.map(({ sweep, of }) => beside(of, sweep)),
    meaning,
  ].join("\n\n");
}

/** What has to be known to read frontiers of different versions of the program beside each other. */
function versions(found: readonly Sweep[]): string | null {
  if (new Set(found.map(({ told }) => told.sources)).size < 2) return null;
  const commits = list([...new Set(found.flatMap(({ commits }) => commits))]);
  return `These are of different versions of the program (commits ${commits}), so what differs between them is not the runtime's alone.`;
}

/** A comparison of a sweep, and its points by the numbers that the report's picture has. */
interface Worthwhile {
  comparison: Comparison<Cell>;
  points: FrontierPoint[];
  /** How training ended under them. */
  losses: LossesAbove | null;
}

/** What is worth a look of each comparison of a sweep. */
const worthwhile = ({ comparisons, told }: Sweep, harmful: readonly string[]): Worthwhile[] =>
  comparisons.map((comparison) => {
    const numbers = new Map(frontierPoints(comparison).map(({ name, number }) => [name, number]));
    const policyOf = policiesOf(told);
    const cells = [...comparison.cells].filter(([name]) => !harmful.includes(policyOf.get(name) ?? name));
    const points = frontierPoints({ ...comparison, cells: new Map(cells) })
      .map((point) => ({ ...point, number: numbers.get(point.name)! }));
    return { comparison, points, losses: lossesAbove(comparison, points) };
  });

/** "small, 16 × 1024 tokens under Dawn" */
function subject(comparison: Comparison<Cell>): string {
  const [{ environment }] = baseOf(comparison).records;
  const runtime = runtimeOf(environment) === "dawn" ? "under Dawn" : "natively";
  return `${names(comparison).join(", ")} tokens ${runtime}`;
}

/** What speeds are multiples of; nothing where none was timed. */
function speedsOf(all: readonly Worthwhile[]): string {
  const timed = all.flatMap(({ comparison }) => timedOf(comparison)?.configuration ?? []);
  const whose = timed.map(({ policy, arithmetic = stepDefaults.arithmetic }) =>
    `${code(policy)}'s in ${arithmetic}`
  );
  return whose.length > 0 ? ` (speeds are multiples of ${list([...new Set(whose)])})` : "";
}

/** "small, 16 × 1024 tokens under Dawn, from 1.24 GiB at 0.86× (`mst8`) to 6.3 GiB at 3.05× (`exact + f16`)" */
function ends({ comparison, points }: Worthwhile): string {
  const timed = timedOf(comparison) ?? baseOf(comparison);
  const near = within(points, smallError);
  const steps = stairs(near);
  const [first, last] = [steps[0] ?? near[0], steps.at(-1)];
  const told = [first, ...last && last !== first ? [last] : []].flatMap((point) => {
    if (!point) return [];
    const speed = last && point.cell.speedAgainst(timed)?.ratio;
    return [`${bytes(point.bytes)}${speed ? ` at ${ratio(speed)}` : ""} (${code(point.name)})`];
  });
  return `${subject(comparison)}, ${
    told.length > 1 ? `from ${told.join(" to ")}` : told[0] ?? "nothing that was compared"
  }`;
}

/** Under what training ended higher than `exact`'s in any of them, by the most, and under what it diverged; null where none has learnt. */
function endedHigher(all: readonly Worthwhile[]): string | null {
  const trained = all.flatMap(({ losses, ...of }) =>
    losses && (losses.learnt || losses.above.length > 0) ? [{ ...of, losses }] : []
  );
  if (trained.length === 0) return null;
  const higher = trained.filter(({ losses }) => losses.above.length > 0);
  const models = new Set((higher.length > 0 ? higher : trained).map(({ comparison: { model } }) => model));
  const byName = Map.groupBy(higher.flatMap(({ losses }) => losses.above), ({ name }) => name);
  const most = [...byName].map(([name, of]) => ({ name, share: Math.max(...of.map(({ share }) => share)) }))
    .toSorted((a, b) => b.share - a.share);
  const diverged = new Set(
    all.flatMap(({ points }) => points.filter(divergedItself)).map(({ name }) => name),
  );
  const [steps, seeds] = [
    trained.map(({ losses }) => losses.steps),
    trained.map(({ losses }) => losses.seeds),
  ];
  return [
    `After ${range(steps, String)} steps from ${range(seeds, (count) => plural(count, "seed"))} `,
    `${most.length > 0 ? "validation losses" : "no validation loss"} of ${
      list([...models])
    } lay above \`exact\`'s `,
    "by more than counts as equal",
    most.length > 0 ? ` under ${sharesAbove(most)}` : "",
    diverged.size > 0 ? `; training, or its gradient, diverged under ${list([...diverged].map(code))}` : "",
    ".",
  ].join("");
}

/** What is fastest in so much memory, where PyTorch's rows lie, and a row for each combination that nothing beats. */
function beside(worth: readonly Worthwhile[], sweep: Sweep): string {
  const parts = worth.flatMap(({ comparison, points, losses }) => {
    const unbeaten = points.filter((point) => ranWell(point) && point.beatenBy.length === 0);
    return [
      [`**${subject(comparison)}.**`, fastest(comparison, points) ?? "None ran to its end."].join(" "),
      ...paragraph(
        `${points.filter(({ beatenBy }) => beatenBy.length > 0).length} of the ${
          points.filter(ranWell).length
        } that ran are beaten; ${plannedAt(comparison, sweep.told).length} were planned.`,
        comparedSentence(comparison),
        divergedSentence(points),
        lossesSentence(comparison, losses),
      ),
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
