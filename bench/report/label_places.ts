/** Where labels of a chart's marks can be read. Vega's own transform for that needs a canvas, which Deno has not, and draws no lines to them. */

interface Point {
  x: number;
  y: number;
}

/** What covers a part of a chart: its middle, and how far it reaches from there, in pixels. */
export interface Box extends Point {
  halfWidth: number;
  halfHeight: number;
}

/** A label, and the mark that it belongs to. */
export interface Label {
  mark: Box;
  width: number;
  height: number;
}

/** Where a label stands; and where the line to it from the middle of its mark ends, without which it could be another's. */
export interface Place {
  text: Box;
  leader?: Point;
}

/** Between a label and what stands beside it. */
const gap = 1.5;
/** What is as near to a label as this could be what it labels. */
const near = 4;
/** How much further away each place is than the one before, and how far it may be. */
const [step, furthest] = [3, 90];
/** In so many orders places are looked for. */
const orders = 12;

/** From the middle of a mark to the sides of the square around it: corners and middles of sides first. */
const directions = [0, 1, ...[1, 2, 3, 4, 5, 6, 7].map((eighth) => eighth / 4 - 1)]
  .flatMap((along) => [[1, -along], [1, along], [-1, -along], [-1, along], [along, -1], [along, 1]]);

const overlap = (a: Box, b: Box, apart = 0) =>
  Math.abs(a.x - b.x) < a.halfWidth + b.halfWidth + apart &&
  Math.abs(a.y - b.y) < a.halfHeight + b.halfHeight + apart;

const inside = (box: Box, plot: Box) =>
  Math.abs(box.x - plot.x) + box.halfWidth <= plot.halfWidth &&
  Math.abs(box.y - plot.y) + box.halfHeight <= plot.halfHeight;

/** The point of a box that is nearest to another point. */
function nearestOf({ x, y, halfWidth, halfHeight }: Box, to: Point): Point {
  const within = (at: number, middle: number, half: number) =>
    Math.min(Math.max(at, middle - half), middle + half);
  return { x: within(to.x, x, halfWidth), y: within(to.y, y, halfHeight) };
}

/** A line as boxes of a pixel. */
function dots(from: Point, to: Point): Box[] {
  const count = Math.ceil(Math.hypot(to.x - from.x, to.y - from.y));
  return Array.from({ length: count }, (_, i) => ({
    x: from.x + (to.x - from.x) * i / count,
    y: from.y + (to.y - from.y) * i / count,
    ...{ halfWidth: 0.5, halfHeight: 0.5 },
  }));
}

/** The places that a label may take, the best first: beside its mark, and then ever further away. */
function* placesOf({ mark, width, height }: Label): Generator<Place> {
  const [halfWidth, halfHeight] = [width / 2, height / 2];
  const around = (away: number) =>
    directions.map(([right, down]): Box => ({
      x: mark.x + right * (mark.halfWidth + gap + away + halfWidth),
      y: mark.y + down * (mark.halfHeight + gap + away + halfHeight),
      ...{ halfWidth, halfHeight },
    }));
  for (const text of around(0)) yield { text };
  for (let away = 0; away <= furthest; away += step) {
    for (const text of around(away)) yield { text, leader: nearestOf(text, mark) };
  }
}

/** Each label at the best place that those before it have left, without those that have none. Lines cross no label, nor what is drawn unless they may. */
function placeInTurn<T extends Label>(
  labels: readonly T[],
  marks: readonly Box[],
  plot: Box,
  mayCross: boolean,
): Map<T, Place> {
  const placed = new Map<T, Place>();
  const texts: Box[] = [];
  const drawn = [...marks]; // and lines
  for (const label of labels) {
    const { mark } = label;
    const barriers = [...texts, ...mayCross ? [] : drawn].filter((box) => !overlap(box, mark));
    const isFree = ({ text, leader }: Place) =>
      inside(text, plot) &&
      !texts.some((other) => overlap(text, other, gap)) &&
      !drawn.some((other) => overlap(text, other)) &&
      (leader
        ? !dots(mark, leader).some((dot) => barriers.some((box) => overlap(dot, box)))
        : !marks.some((other) => other !== mark && overlap(text, other, near)));
    const place = placesOf(label).find(isFree);
    if (!place) continue;
    placed.set(label, place);
    texts.push(place.text);
    if (place.leader) drawn.push(...dots(mark, place.leader));
  }
  return placed;
}

/**
 * Places for labels, beside their marks where they can be: they cover neither each other nor anything drawn, and lines to them cross nothing but
 * what lies over their own mark, unless there is no place for all without. Where there is none at all labels are left out, the last ones first.
 */
export function placeLabels<T extends Label>(
  labels: readonly T[],
  marks: readonly Box[],
  plot: Box,
): Map<T, Place> {
  let [order, best, most] = [labels, new Map<T, Place>(), -1];
  for (let i = 0; i < orders; i++) {
    const placed = placeInTurn(order, marks, plot, i >= orders / 2);
    const lost = labels.findIndex((label) => !placed.has(label));
    if (lost < 0) return placed;
    if (lost > most) [best, most] = [placed, lost];
    // What found no place chooses before the others.
    order = [false, true].flatMap((has) => order.filter((label) => placed.has(label) === has));
  }
  return best;
}
