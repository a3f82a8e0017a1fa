import { plural, ratio } from "../../src/text/format.ts";
import { beats, type Contest, mayBeat, toldOf, type Way } from "./contest.ts";
import { list, range } from "../report/words.ts";

/** A family's models, as both programs train them. */
export interface Family {
  readonly name: string;
  readonly contests: readonly Contest[];
}

/** In a few words, by families: by how much PyTorch is ahead, what it beats with one row alone, and which ways of Headroom's with none. */
export function shortVerdict(families: readonly Family[]): string {
  const all = families.flatMap(({ contests }) => contests);
  const choices = (Object.keys(costs) as Quantity[]).flatMap((what) => {
    const told = families.flatMap(({ name, contests }) => {
      const ahead = aheadIn(what, contests);
      const where = ahead.length === contests.length
        ? name
        : list(ahead.map(({ contest: { subject } }) => subject));
      return ahead.length > 0 ? [`${range(ahead.map(({ factor }) => factor), ratio)} (${where})`] : [];
    });
    return told.length > 0 ? [`in ${what} alone by ${list(told)}`] : [];
  });
  const lost = lostIn(all, ({ theirs }) => theirs).map(({ subject }) => subject);
  const widest = all.flatMap((contest) => {
    const { lost } = beatingMost(contest) ?? {};
    return lost ? [{ lost, contest }] : [];
  }).map(({ lost, contest: { own, subject } }, i) =>
    `${lost} of ${i === 0 ? "Headroom's " : ""}${own.length}${i === 0 ? " ways" : ""} (${subject})`
  );
  const isKept = (contest: Contest) => contest.own.filter(keptIn(contest)).map(toldOf);
  const kept = waysIn(all).filter((way) =>
    all.every((contest) => isKept(contest).includes(way) || !contest.own.map(toldOf).includes(way))
  );
  const both = lost.length > 0 ? [`in both at once (${list(lost)})`] : [];
  const sentences = [
    ...choices.length + both.length > 0
      ? [`**PyTorch is the better choice** ${list([...choices, ...both])}.`]
      : [],
    ...widest.length > 0 ? [`One row alone is faster and smaller than ${list(widest)}.`] : [],
    ...kept.length > 0 ? [`None is faster and smaller than ${list(kept)}, where these were measured.`] : [],
  ];
  return sentences.join(" ");
}

/** For which models PyTorch is the better choice in speed, in memory, and in both together, and where it is not. */
export function verdict(contests: readonly Contest[]): string {
  const among = (some: readonly Contest[]) =>
    some.length === contests.length ? "" : ` (${list(some.map(({ subject }) => subject))})`;
  const lost = lostIn(contests, ({ theirs }) => theirs);
  const lostInF32 = lostIn(contests, ({ theirs }) => theirs.filter(({ row }) => row.arithmetic === "f32"));
  const undecided = contests.filter((contest) => !lost.includes(contest));
  const waysOf = (which: (contest: Contest) => Way[]) =>
    undecided.flatMap((contest) => {
      const ways = which(contest);
      return ways.length ? [`${list(ways.map(toldOf))} (${contest.subject})`] : [];
    });
  const kept = waysOf((contest) => contest.own.filter(keptIn(contest)));
  const widest = undecided.flatMap((contest) => {
    const most = beatingMost(contest);
    return most
      ? [
        `its ${most.name} alone is faster and smaller than ${most.lost} of Headroom's ${
          plural(contest.own.length, "way")
        } (${contest.subject})`,
      ]
      : [];
  });
  const open = waysOf((contest) =>
    contest.own.filter((way) => !keptIn(contest)(way) && !contest.theirs.some((row) => beats(row, way)))
  );
  const alone = (what: Quantity) => {
    const ahead = aheadIn(what, contests);
    if (ahead.length === 0) return [];
    const ends = ahead.length > 1 ? [ahead[0], ahead.at(-1)!] : ahead;
    const told = ends.map(({ factor, own, other, contest: { subject } }) => {
      const of = contests.length > 1 ? ` of ${subject}` : "";
      return `${ratio(factor)} (${toldOf(own)}${of} against ${other.name})`;
    });
    return [`in ${what} alone${among(ahead.map(({ contest }) => contest))}, by ${told.join(" to ")}`];
  };
  const choices = [
    ...(Object.keys(costs) as Quantity[]).flatMap(alone),
    ...lost.length
      ? [
        `in both at once${among(lost)}: to each of ${
          list(waysIn(lost))
        } here it has a row that is faster and smaller`,
      ]
      : [],
  ];
  const sentences = [
    ...choices.length ? [`**PyTorch is the better choice** ${choices.join("; ")}`] : [],
    ...lostInF32.length ? [`its rows in f32 alone suffice for that${among(lostInF32)}`] : [],
    ...widest.length ? [list(widest)] : [],
    ...kept.length ? [`no row of PyTorch here is faster and smaller than Headroom's ${list(kept)}`] : [],
    ...open.length ? [`PyTorch's rounds lie too far apart to say so of ${list(open)}`] : [],
  ];
  return `${sentences.join("; ")}.`;
}

/** What both programs want little of. */
const costs = {
  speed: ({ speed }: Way) => 1 / speed,
  memory: ({ bytes }: Way) => bytes,
};
type Quantity = keyof typeof costs;

/** Where PyTorch's best is ahead of Headroom's, the least first. */
function aheadIn(what: Quantity, contests: readonly Contest[]) {
  const cost = costs[what];
  const best = (ways: readonly Way[]) => ways.toSorted((a, b) => cost(a) - cost(b))[0];
  return contests.map((contest) => {
    const [own, other] = [best(contest.own), best(contest.theirs)];
    return { contest, own, other, factor: cost(own) / cost(other) };
  }).filter(({ factor }) => factor > 1).toSorted((a, b) => a.factor - b.factor);
}

/** Where each of Headroom's ways is beaten by some of PyTorch's rows. */
const lostIn = (contests: readonly Contest[], rows: (contest: Contest) => Way[]) =>
  contests.filter((contest) => contest.own.every((way) => rows(contest).some((row) => beats(row, way))));

/** Whether no row of PyTorch's beats a way, in its fastest round either. */
const keptIn = ({ theirs }: Contest) => (way: Way) => !theirs.some((row) => mayBeat(row, way));

/** The row of PyTorch's that is faster and smaller than the most of Headroom's ways, if it is so of any. */
function beatingMost({ own, theirs }: Contest): { name: string; lost: number } | null {
  const [most] = theirs.map((row) => ({ name: row.name, lost: own.filter((way) => beats(row, way)).length }))
    .toSorted((a, b) => b.lost - a.lost);
  return most?.lost ? most : null;
}

/** The ways of Headroom's in some contests, each once. */
const waysIn = (contests: readonly Contest[]): string[] => [
  ...new Set(contests.flatMap(({ own }) => own.map(toldOf))),
];
