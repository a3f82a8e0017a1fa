import { assertEquals } from "@std/assert";
import { Random } from "../data/random.ts";
import { Timeline } from "./timeline.ts";

Deno.test("Timeline.meeting() finds every span that shares a moment, once", () => {
  const random = new Random(1);
  const count = 300;
  const first = Int32Array.from({ length: count }, () => random.below(500));
  const last = first.map((from) => from + random.below(random.below(4) === 0 ? 400 : 10));
  const timeline = new Timeline(first, last);
  const found = new Int32Array(count);
  for (let span = 0; span < count; span++) {
    const meets = timeline.meeting(span, found);
    const expected = [...first.keys()].filter((i) =>
      i < span && first[i] <= last[span] && first[span] <= last[i]
    );
    assertEquals([...found.slice(0, meets).sort()], expected);
    timeline.add(span);
  }
});
