import { ratio } from "../../src/text/format.ts";
import { bySubject, fastest, type PeerRow, smallest } from "../report/peer_records.ts";
import { harmfulOf } from "./harmful.ts";
import { type Contest, contestOf, toldOf, type Way } from "./contest.ts";
import { type Making, sources } from "./making.ts";
import { type Reports, type Sweep, sweepsOn } from "./reports.ts";
import { type Family, shortVerdict, verdict } from "./verdict.ts";
import { code, list, range, table } from "../report/words.ts";

/** Headroom's policies beside PyTorch's rows on the same card. */
export function peersSection({ sweeps, peers }: Reports): string | null {
  const harmful = harmfulOf(sweeps.quality);
  const families = [
    contestsOf("GPT-2", peers.gpt2, harmful, [
      sweeps.frontierNative,
      sweeps.grid,
      sweeps.stepsNative,
      sweeps.text,
      sweeps.frontier,
      sweeps.stepsF16x3,
      sweeps.stepsF16,
    ]),
    contestsOf("DeiT", peers.deit, harmful, [
      sweeps.frontierDeitNative,
      sweeps.grid,
      sweeps.vision,
      sweeps.frontierDeit,
      sweeps.visionF16,
    ]),
  ].filter((one) => one !== null);
  return families.length > 0
    ? ["### Beside PyTorch", shortVerdict(families), ...families.map(beside), counted].join("\n\n")
    : null;
}

const counted =
  "Headroom's memory is that of its buffers, PyTorch's `torch.cuda.max_memory_allocated`; both speeds are medians of steps by the card's " +
  "clock. Headroom's arithmetic is f32 where none stands beside a policy, natively, and else of products under Dawn; PyTorch's rows of a table " +
  "are in f32, eager, with fused AdamW, but for the last three. Headroom makes a language model's logits in pieces under every policy; PyTorch's rows " +
  'without "loss in chunks" hold all of them, which is most of the difference in memory there.';

/** A policy, and the form of PyTorch's that does the same; the first that is there counts. */
const pairings: [policy: string, forms: string[]][] = [
  ["exact", ["plain, loss in chunks", "plain"]],
  ["half", ["half", "half, loss in chunks"]],
  ["mesa8", ["int8", "int8, loss in chunks"]],
  ["recompute", ["checkpointed, loss in chunks", "checkpointed"]],
  ["mst", ["checkpointed, loss in chunks"]],
];

/** A family's contests, with the reports whose cells they are. */
interface Measured extends Family {
  readonly peers: Making;
  readonly sweeps: readonly Sweep[];
}

function contestsOf(
  name: string,
  peers: (Making & { rows: PeerRow[] }) | undefined,
  harmful: readonly string[],
  sweeps: (Sweep | undefined)[],
): Measured | null {
  if (!peers) return null;
  const found = sweepsOn(peers.adapter, sweeps);
  const contests = bySubject(peers.rows).map((rows) => contestOf(rows, found, harmful))
    .filter(({ own, theirs }) => own.length && theirs.length);
  if (contests.length === 0) return null;
  const used = found.filter((sweep) => contests.some(({ own }) => own.some((way) => way.sweep === sweep)));
  return { name, contests, peers, sweeps: used };
}

/** A family's verdict by models, and the table that it is of. */
const beside = ({ name, contests, peers, sweeps }: Measured): string =>
  [
    `**${name}.** ${verdict(contests)}${leftOut(contests)}`,
    table(
      ["Headroom", "PyTorch", "speed, of PyTorch's", "memory, of PyTorch's", "models"],
      rowsOf(contests),
      2,
    ),
    sources(peers, ...sweeps),
  ].join("\n\n");

/** Headroom's policy against the row that does the same, and the best of each against the best, as ranges over the models. */
function rowsOf(contests: readonly Contest[]): string[][] {
  const alike = pairings.map(([policy, forms]) =>
    row(code(policy), contests, ({ own, theirs }) => {
      const rows = theirs.filter(({ row: { arithmetic, compiled, optimizer } }) =>
        arithmetic === "f32" && !compiled && optimizer === "fused AdamW"
      );
      return [
        own.find(({ name, arithmetic }) => name === policy && !arithmetic),
        forms.flatMap((form) => rows.find(({ row }) => row.form === form) ?? [])[0],
      ];
    })
  );
  const wayOf = ({ theirs }: Contest, row?: PeerRow) => theirs.find((way) => way.row === row);
  const rows = ({ theirs }: Contest) => theirs.map(({ row }) => row);
  return [
    ...alike,
    row("fastest in f32", contests, (contest) => [
      fastestOf(contest.own.filter(({ arithmetic }) => !arithmetic)),
      wayOf(contest, fastest(rows(contest).filter(({ arithmetic }) => arithmetic === "f32"))),
    ]),
    row("fastest", contests, (contest) => [
      fastestOf(contest.own),
      wayOf(contest, fastest(rows(contest))),
    ]),
    row("smallest", contests, (contest) => [
      smallestOf(contest.own),
      wayOf(contest, smallest(rows(contest))),
    ]),
  ].flat();
}

/** What is no way to train, if anything is. */
function leftOut(contests: readonly Contest[]): string {
  const told = contests.flatMap(({ diverged, subject }) =>
    diverged.length > 0 ? [`${list(diverged)} (${subject})`] : []
  );
  return told.length > 0 ? ` Left out, for training or its gradient diverged in a sweep: ${list(told)}.` : "";
}

const fastestOf = (ways: readonly Way[]): Way | undefined => ways.toSorted((a, b) => b.speed - a.speed)[0];

/** The fastest of those that are the smallest, to a hundredth of its bytes. */
const smallestOf = (ways: readonly Way[]): Way | undefined => {
  const least = Math.min(...ways.map(({ bytes }) => bytes));
  return fastestOf(ways.filter(({ bytes }) => bytes <= 1.01 * least));
};

/** One row of the table, or none where no model has both. */
function row(
  label: string,
  contests: readonly Contest[],
  pick: (contest: Contest) => [Way | undefined, Way | undefined],
): string[][] {
  const pairs = contests.map(pick).filter((pair): pair is [Way, Way] =>
    pair.every((way) => way !== undefined)
  );
  if (pairs.length === 0) return [];
  const distinct = (names: string[]) => [...new Set(names)];
  const ownNames = distinct(pairs.map(([own]) => toldOf(own))).join(", ");
  return [[
    label === ownNames ? label : `${label}: ${ownNames}`,
    distinct(pairs.map(([, other]) => other.name)).join("; "),
    range(pairs.map(([own, other]) => own.speed / other.speed), ratio),
    range(pairs.map(([own, other]) => own.bytes / other.bytes), ratio),
    `${pairs.length}`,
  ]];
}
