import { assert, assertEquals } from "@std/assert";
import { type Box, type Label, type Place, placeLabels } from "./label_places.ts";

const plot = { x: 200, y: 115, halfWidth: 200, halfHeight: 115 };
const labelAt = (x: number, y: number): Label => ({
  mark: { x, y, halfWidth: 5, halfHeight: 5 },
  width: 12,
  height: 9,
});
const place = (labels: readonly Label[], within = plot) =>
  placeLabels(labels, labels.map(({ mark }) => mark), within);

/** Whether two boxes cover a point together. */
const overlap = (a: Box, b: Box) =>
  Math.abs(a.x - b.x) < a.halfWidth + b.halfWidth && Math.abs(a.y - b.y) < a.halfHeight + b.halfHeight;

/** Whether a line to a label goes through a box. */
const crosses = (box: Box, { mark }: Label, { leader }: Place) =>
  leader !== undefined && Array.from({ length: 400 }, (_, i) => i / 400).some((share) => {
    const at = { x: mark.x + share * (leader.x - mark.x), y: mark.y + share * (leader.y - mark.y) };
    return overlap(box, { ...at, halfWidth: 0, halfHeight: 0 });
  });

function assertReadable(places: Map<Label, Place>, marks: readonly Box[]): void {
  for (const [label, one] of places) {
    assert(!marks.some((mark) => overlap(one.text, mark)), "a label covers a mark");
    for (const [other, { text }] of places) {
      if (label === other) continue;
      assert(!overlap(one.text, text), "two labels overlap");
      assert(!crosses(text, label, one), "a line crosses a label");
    }
  }
}

Deno.test("placeLabels() puts a label beside its mark, where nothing else could be meant, without a line", () => {
  const alone = labelAt(200, 100);
  const { text, leader } = place([alone]).get(alone)!;
  assertEquals([text.y, leader], [100, undefined]);
  assert(text.x > 200 && text.x < 215);
  const [left, right] = [labelAt(100, 100), labelAt(112, 100)];
  const both = place([left, right]);
  assert(both.get(left)!.text.x < 100 && both.get(right)!.text.x > 112);
  assertEquals([...both.values()].map(({ leader }) => leader), [undefined, undefined]);
});

Deno.test("placeLabels() leads with lines to labels of marks that crowd, and all can be read", () => {
  const row = Array.from({ length: 9 }, (_, i) => labelAt(200 + 3 * i, 100));
  const heap = Array.from({ length: 9 }, (_, i) => labelAt(100 + 4 * (i % 3), 60 + 4 * Math.floor(i / 3)));
  const same = Array.from({ length: 4 }, () => labelAt(300, 40));
  const labels = [...row, ...heap, ...same];
  const places = place(labels);
  assertEquals(places.size, labels.length);
  assertReadable(places, labels.map(({ mark }) => mark));
  assert(same.slice(1).every((label) => places.get(label)!.leader));
});

Deno.test("placeLabels() takes other orders, and crosses marks and lines, before it leaves out a label", () => {
  const labels = Array.from({ length: 13 }, (_, i) => labelAt(200 + 1.5 * i, 100));
  const places = place(labels);
  assertEquals(places.size, labels.length);
  assertReadable(places, labels.map(({ mark }) => mark));
});

Deno.test("placeLabels() covers nothing else that is drawn, and keeps within the plot", () => {
  const corner = labelAt(395, 225);
  const wall = { x: 370, y: 115, halfWidth: 8, halfHeight: 115 };
  const places = placeLabels([corner], [corner.mark, wall], plot);
  assertReadable(places, [corner.mark, wall]);
  const { text } = places.get(corner)!;
  assert(text.x + text.halfWidth <= 400 && text.y + text.halfHeight <= 230);
});

Deno.test("placeLabels() leaves out the last labels where there is no place for all", () => {
  const labels = Array.from({ length: 30 }, () => labelAt(30, 20));
  const small = { x: 30, y: 20, halfWidth: 30, halfHeight: 20 };
  const places = place(labels, small);
  assert(places.size > 3 && places.size < 30);
  assertReadable(places, labels.map(({ mark }) => mark));
  const [first] = labels;
  assert(places.has(first));
});
