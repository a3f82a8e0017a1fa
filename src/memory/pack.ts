import { Timeline } from "./timeline.ts";

/** What is to be packed, in columns: whole bytes from moment `first` to moment `last`, both included. */
export interface Items {
  readonly bytes: Float64Array;
  readonly first: Int32Array;
  readonly last: Int32Array;
  /** For each item those that must not be in its buffer while both live; both of a pair know it. */
  readonly apart: readonly (readonly number[])[];
}

/** Where items lie: the sizes of the buffers, and for each item its buffer, its offset in it, and by how much it made buffers grow. */
export interface Layout {
  readonly sizes: number[];
  /** All of them together. */
  readonly bytes: number;
  readonly assignment: Int32Array;
  readonly offsets: Float64Array;
  readonly growth: Float64Array;
  /** How many items and buffers were looked at: what the layout cost to find, on any machine. */
  readonly work: number;
}

/**
 * Packs items into buffers. Takes them in the given order and puts each where buffers grow least and, among equals, where the least stays
 * free. Items that live at the same time lie side by side in a buffer only if they are not to be kept apart, and only where they fit without
 * growth, so that none outgrows its largest item; where they may `widen` it, none outgrows the largest item of all.
 */
export function pack(
  items: Items,
  order: readonly number[],
  { widen = false }: { widen?: boolean } = {},
): Layout {
  const { bytes, first, last, apart } = items;
  const timeline = new Timeline(first, last);
  const sizes: number[] = [];
  /** Of each buffer, the items that the one to be placed meets there. */
  const neighbours: number[][] = [];
  const assignment = new Int32Array(bytes.length).fill(-1);
  const [offsets, growth] = [new Float64Array(bytes.length), new Float64Array(bytes.length)];
  const found = new Int32Array(bytes.length);
  const closed = new Int32Array(bytes.length).fill(-1); // by buffer: the item that must stay away
  const widest = widen ? bytes.reduce((most, size) => Math.max(most, size), 0) : 0;
  let work = 0;
  for (const item of order) {
    const count = timeline.meeting(item, found);
    for (let i = 0; i < count; i++) neighbours[assignment[found[i]]].push(found[i]);
    for (const other of apart[item]) {
      const buffer = assignment[other];
      if (buffer >= 0 && first[other] <= last[item] && first[item] <= last[other]) closed[buffer] = item;
    }
    const size = bytes[item];
    let best = { buffer: sizes.length, offset: 0, growth: size, slack: Infinity };
    for (let buffer = 0; buffer < sizes.length && best.growth + best.slack > 0; buffer++) {
      const taken = neighbours[buffer];
      if (taken.length === 0) {
        const grows = Math.max(0, size - sizes[buffer]), slack = Math.max(0, sizes[buffer] - size);
        if (grows < best.growth || (grows === best.growth && slack < best.slack)) {
          best = { buffer, offset: 0, growth: grows, slack };
        }
      } else if (size <= Math.max(sizes[buffer], widest) && closed[buffer] !== item) {
        if (taken.length > 1) taken.sort((a, b) => offsets[a] - offsets[b]);
        let offset = 0; // behind the last of them when all are passed
        for (let i = 0; i <= taken.length; i++) {
          const slack = (i < taken.length ? offsets[taken[i]] : sizes[buffer]) - offset - size;
          if (slack >= 0 && (best.growth > 0 || slack < best.slack)) {
            best = { buffer, offset, growth: 0, slack };
          }
          if (i < taken.length) offset = Math.max(offset, offsets[taken[i]] + bytes[taken[i]]);
        }
        const grows = offset + size - sizes[buffer];
        if (grows > 0 && grows < best.growth && offset + size <= widest) {
          best = { buffer, offset, growth: grows, slack: 0 };
        }
      }
    }
    for (let i = 0; i < count; i++) neighbours[assignment[found[i]]].pop();
    if (best.buffer === sizes.length) {
      sizes.push(0);
      neighbours.push([]);
    }
    sizes[best.buffer] += best.growth;
    assignment[item] = best.buffer;
    offsets[item] = best.offset;
    growth[item] = best.growth;
    timeline.add(item);
    work += 1 + count + sizes.length;
  }
  return { sizes, bytes: sizes.reduce((a, b) => a + b, 0), assignment, offsets, growth, work };
}
