import { type Items, type Layout, pack } from "./pack.ts";

/** Rounds of a search, and items and buffers looked at after which it ends: fixed, so that a program is planned the same way everywhere. */
const [mostRounds, mostWork] = [192, 5e6];

/** How far forward an item moves, round by round: the part of its place in the order that it keeps. Always the same would go in circles. */
const kept = [0.8, 0.6, 0.7, 0.5];

/** Whether a round's items may widen buffers: every third. Always and never, some programs are packed 3% worse. */
const widens = (round: number) => round % 3 === 2;

/**
 * Packs items into hardly more bytes than live at once, `peak`, and ends when they need no more than `enough`. Packs them greedily in a few
 * orders, and each order again and again with those items moved forward that made buffers grow beyond the peak.
 *
 * Sources: Y. Pisarchyk and J. Lee (2020, arXiv 2001.03288), "greedy by size for shared objects", made to fill gaps; D. Joslin and
 * D. Clements, "Squeaky wheel optimization" (JAIR 10, 1999).
 */
export function packTightly(items: Items, peak: number, enough: number): Layout {
  const orders = firstOrders(items);
  let best: Layout | undefined;
  let work = 0;
  for (let round = 0; round < mostRounds && work <= mostWork; round++) {
    for (const [i, order] of orders.entries()) {
      const layout = pack(items, order, { widen: widens(round) });
      if (!best || layout.bytes < best.bytes) best = layout;
      if (best.bytes <= enough) return best;
      orders[i] = withGrowersForward(order, layout.growth, peak, kept[round % kept.length]);
      work += layout.work;
    }
  }
  return best!;
}

/** Orders to begin with: by size, by size and time together, and between. Equals stay in order of time. */
function firstOrders({ bytes, first, last }: Items): number[][] {
  return [0, 0.5, 1].map((exponent) => {
    const weights = bytes.map((size, i) => size * (last[i] - first[i] + 1) ** exponent);
    return [...bytes.keys()].sort((a, b) => weights[b] - weights[a] || first[a] - first[b]);
  });
}

/** The order in which to try next: what made the total grow beyond the peak moves forward, to the given part of its place. */
function withGrowersForward(
  order: readonly number[],
  growth: Float64Array,
  peak: number,
  part: number,
): number[] {
  let total = 0;
  const moves = order.map((item) => (total += growth[item]) > peak && growth[item] > 0);
  const movers = [...order.keys()].filter((place) => moves[place]);
  const next: number[] = [];
  let moved = 0;
  order.forEach((item, place) => {
    while (moved < movers.length && part * movers[moved] - 0.5 < place) next.push(order[movers[moved++]]);
    if (!moves[place]) next.push(item);
  });
  return next;
}
