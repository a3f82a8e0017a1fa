import { beats, type Contest, type Way } from "./contest.ts";
import { code, list } from "./words.ts";

/** For which models PyTorch is the better choice in speed and memory together, and where it is not. */
export function verdict(contests: readonly Contest[]): string {
  const which = (some: readonly Contest[]) =>
    some.length === contests.length ? "every model here" : list(some.map(({ subject }) => subject));
  const beaten = (rows: (contest: Contest) => Way[]) =>
    contests.filter((contest) => contest.own.every((way) => rows(contest).some((row) => beats(row, way))));
  const lost = beaten(({ theirs }) => theirs);
  const lostInF32 = beaten(({ theirs }) => theirs.filter(({ row }) => row.arithmetic === "f32"));
  const kept = contests.filter((contest) => !lost.includes(contest)).map(({ subject, own, theirs }) => {
    const ways = own.filter((way) => !theirs.some((row) => beats(row, way)));
    return `${list(ways.map(({ name }) => code(name)))} (${subject})`;
  });
  const sentences = [
    ...lost.length
      ? [
        `**PyTorch is the better choice** for ${
          which(lost)
        }: to each policy of Headroom it has a row that is faster and smaller`,
      ]
      : [],
    ...lostInF32.length ? [`its rows in f32 alone suffice for ${which(lostInF32)}`] : [],
    ...kept.length ? [`no row of PyTorch is faster and smaller than Headroom's ${list(kept)}`] : [],
  ];
  return `${sentences.join("; ")}.`;
}
