import { ratio } from "../../src/text/format.ts";
import { beats, type Contest, mayBeat, toldOf, type Way } from "./contest.ts";
import { list, range } from "../report/words.ts";

/** For which models PyTorch is the better choice in speed, in memory, and in both together, and where it is not. */
export function verdict(contests: readonly Contest[]): string {
  const among = (some: readonly Contest[]) =>
    some.length === contests.length ? "" : ` (${list(some.map(({ subject }) => subject))})`;
  const beaten = (rows: (contest: Contest) => Way[]) =>
    contests.filter((contest) => contest.own.every((way) => rows(contest).some((row) => beats(row, way))));
  const lost = beaten(({ theirs }) => theirs);
  const lostInF32 = beaten(({ theirs }) => theirs.filter(({ row }) => row.arithmetic === "f32"));
  const waysOf = (which: (contest: Contest) => Way[]) =>
    contests.filter((contest) => !lost.includes(contest)).flatMap((contest) => {
      const ways = which(contest);
      return ways.length ? [`${list(ways.map(toldOf))} (${contest.subject})`] : [];
    });
  const isKept = ({ theirs }: Contest) => (way: Way) => !theirs.some((row) => mayBeat(row, way));
  const kept = waysOf((contest) => contest.own.filter(isKept(contest)));
  const open = waysOf((contest) =>
    contest.own.filter((way) => !isKept(contest)(way) && !contest.theirs.some((row) => beats(row, way)))
  );
  const alone = (
    what: string,
    best: (ways: readonly Way[]) => number,
    more: (own: number, other: number) => number,
  ) => {
    const ahead = contests.filter(({ own, theirs }) => more(best(own), best(theirs)) > 1);
    const factors = ahead.map(({ own, theirs }) => more(best(own), best(theirs)));
    return ahead.length ? [`in ${what} alone${among(ahead)}, by ${range(factors, ratio)}`] : [];
  };
  const choices = [
    ...alone("speed", (ways) => Math.max(...ways.map(({ speed }) => speed)), (own, other) => other / own),
    ...alone("memory", (ways) => Math.min(...ways.map(({ bytes }) => bytes)), (own, other) => own / other),
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
    ...kept.length ? [`no row of PyTorch here is faster and smaller than Headroom's ${list(kept)}`] : [],
    ...open.length ? [`PyTorch's rounds lie too far apart to say so of ${list(open)}`] : [],
  ];
  return `${sentences.join("; ")}.`;
}

/** The ways of Headroom's in some contests, each once. */
const waysIn = (contests: readonly Contest[]): string[] => [
  ...new Set(contests.flatMap(({ own }) => own.map(toldOf))),
];
