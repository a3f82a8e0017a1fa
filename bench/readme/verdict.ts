import { plural, ratio } from "../../src/text/format.ts";
import { beats, type Contest, mayBeat, toldOf, type Way } from "./contest.ts";
import { list } from "../report/words.ts";

/** For which models PyTorch is the better choice in speed, in memory, and in both together, and where it is not. */
export function verdict(contests: readonly Contest[]): string {
  const among = (some: readonly Contest[]) =>
    some.length === contests.length ? "" : ` (${list(some.map(({ subject }) => subject))})`;
  const beaten = (rows: (contest: Contest) => Way[]) =>
    contests.filter((contest) => contest.own.every((way) => rows(contest).some((row) => beats(row, way))));
  const lost = beaten(({ theirs }) => theirs);
  const lostInF32 = beaten(({ theirs }) => theirs.filter(({ row }) => row.arithmetic === "f32"));
  const undecided = contests.filter((contest) => !lost.includes(contest));
  const waysOf = (which: (contest: Contest) => Way[]) =>
    undecided.flatMap((contest) => {
      const ways = which(contest);
      return ways.length ? [`${list(ways.map(toldOf))} (${contest.subject})`] : [];
    });
  const isKept = ({ theirs }: Contest) => (way: Way) => !theirs.some((row) => mayBeat(row, way));
  const kept = waysOf((contest) => contest.own.filter(isKept(contest)));
  const widest = undecided.flatMap(beatingMost);
  const open = waysOf((contest) =>
    contest.own.filter((way) => !isKept(contest)(way) && !contest.theirs.some((row) => beats(row, way)))
  );
  const alone = (what: string, cost: (way: Way) => number) => {
    const best = (ways: readonly Way[]) => ways.toSorted((a, b) => cost(a) - cost(b))[0];
    const ahead = contests.map((contest) => {
      const [own, other] = [best(contest.own), best(contest.theirs)];
      return { contest, own, other, factor: cost(own) / cost(other) };
    }).filter(({ factor }) => factor > 1).toSorted((a, b) => a.factor - b.factor);
    if (ahead.length === 0) return [];
    const ends = ahead.length > 1 ? [ahead[0], ahead.at(-1)!] : ahead;
    const told = ends.map(({ factor, own, other, contest: { subject } }) => {
      const of = contests.length > 1 ? ` of ${subject}` : "";
      return `${ratio(factor)} (${toldOf(own)}${of} against ${other.name})`;
    });
    return [`in ${what} alone${among(ahead.map(({ contest }) => contest))}, by ${told.join(" to ")}`];
  };
  const choices = [
    ...alone("speed", ({ speed }) => 1 / speed),
    ...alone("memory", ({ bytes }) => bytes),
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

/** The row of PyTorch's that is faster and smaller than the most of Headroom's ways, if it is so of any. */
function beatingMost({ subject, own, theirs }: Contest): string[] {
  const [most] = theirs.map((row) => ({ name: row.name, lost: own.filter((way) => beats(row, way)).length }))
    .toSorted((a, b) => b.lost - a.lost);
  return most?.lost
    ? [
      `its ${most.name} alone is faster and smaller than ${most.lost} of Headroom's ${
        plural(own.length, "way")
      } (${subject})`,
    ]
    : [];
}

/** The ways of Headroom's in some contests, each once. */
const waysIn = (contests: readonly Contest[]): string[] => [
  ...new Set(contests.flatMap(({ own }) => own.map(toldOf))),
];
