import type { RankReport } from "../results/results.ts";

/** A sentence for each card that several ranks share: their times are of half a card each, or less. */
export function sharedCards(ranks: readonly Pick<RankReport, "host" | "card">[] = []): string[] {
  const places = ranks.flatMap(({ host, card }, rank) => card === null ? [] : [{ host, card, rank }]);
  const byCard = Map.groupBy(places, ({ host, card }) => JSON.stringify([host, card]));
  return [...byCard.values()].filter(({ length }) => length > 1).map((sharing) => {
    const numbers = sharing.map(({ rank }) => rank).join(", ").replace(/, (?=\d+$)/, " and ");
    return `Ranks ${numbers} share one card of ${sharing[0].host}: give each its own, as docs/ranks.md says`;
  });
}
