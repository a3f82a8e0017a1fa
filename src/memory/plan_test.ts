import { assert, assertEquals } from "@std/assert";
import { Random } from "../data/random.ts";
import { categories, type Category } from "./category.ts";
import { type Claim, leastMemory, type MemoryPlan, planMemory } from "./plan.ts";
import { miniSequences } from "./testing.ts";

function claim(
  name: string,
  bytes: number,
  first: number,
  last: number,
  category: Category = "transient",
): Claim {
  return { name, category, bytes, first, last };
}

Deno.test("planMemory() lets tensors whose lives do not meet share a buffer", () => {
  const plan = planMemory([claim("a", 1024, 0, 1), claim("b", 1024, 2, 3), claim("c", 512, 3, 4)], []);
  assertEquals(plan.slots.assignment[0], plan.slots.assignment[1]);
  assertEquals(plan.bufferBytes, 1024 + 512);
  assertEquals(plan.livePeakBytes, 1024 + 512);
});

Deno.test("planMemory() gives tensors that live at the same time a range of bytes each", () => {
  const claims = [
    claim("large", 1024, 0, 0),
    claim("a", 512, 1, 3),
    claim("b", 300, 2, 2),
    claim("c", 256, 3, 4),
  ];
  const { slots, bufferBytes } = planMemory(claims, []);
  assertEquals(bufferBytes, 1024);
  assertEquals(slots.offsets, [0, 0, 512, 512]);
});

Deno.test("planMemory() never grows a buffer beyond its largest tensor", () => {
  const { slots } = planMemory([claim("input", 256, 0, 1), claim("output", 256, 1, 2)], []);
  assert(slots.assignment[0] !== slots.assignment[1]);
});

Deno.test("planMemory() keeps tensors in different buffers that it is told to keep apart", () => {
  const claims = [claim("large", 1024, 0, 0), claim("input", 256, 1, 2), claim("output", 256, 2, 3)];
  assertEquals(planMemory(claims, []).bufferBytes, 1024);
  const { slots, bufferBytes } = planMemory(claims, [], [[2, 1]]);
  assert(slots.assignment[1] !== slots.assignment[2]);
  assertEquals(bufferBytes, 1024 + 256);
});

Deno.test("planMemory() lets tensors share a buffer in turn though they are to be kept apart", () => {
  assertEquals(planMemory([claim("a", 256, 0, 1), claim("b", 256, 2, 3)], [], [[0, 1]]).bufferBytes, 256);
});

Deno.test("planMemory() takes the best of several orders", () => {
  // By time, the small second takes the first's buffer and the third needs a new one: 1024.
  const bySize = [claim("a", 512, 0, 0), claim("b", 256, 1, 2), claim("c", 512, 2, 2)];
  assertEquals(planMemory(bySize, []).bufferBytes, 768);
  // By size, the first and the third share a buffer and leave no room in it for the others: 1792.
  const byTime = [claim("a", 768, 3, 3), claim("b", 512, 1, 3), claim("c", 768, 0, 0), claim("d", 512, 0, 2)];
  assertEquals(planMemory(byTime, []).bufferBytes, 1536);
});

Deno.test("planMemory() reports what was live at the peak, standing buffers included", () => {
  const plan = planMemory(
    [
      claim("saved", 100, 0, 9, "saved"),
      claim("logits", 900, 4, 5, "head"),
      claim("after", 700, 6, 8, "saved"),
    ],
    [{ name: "weights", category: "parameters", bytes: 5000 }, {
      name: "step",
      category: "control",
      bytes: 256,
    }],
  );
  assertEquals(plan.livePeakBytes, 5000 + 256 + 100 + 900);
  assertEquals(plan.liveAtPeak.saved, 100);
  assertEquals(plan.liveAtPeak.head, 900);
  assertEquals(plan.liveAtPeak.parameters, 5000);
  assertEquals(plan.liveAtPeak.control, 256);
  assertEquals(plan.savedBytes, 800);
  assertEquals(plan.largestBufferBytes, 5000);
});

Deno.test("leastMemory() has what lives at once and the largest of all, standing buffers included", () => {
  const claims = [claim("a", 512, 0, 1), claim("b", 1024, 1, 2), claim("c", 256, 3, 3)];
  const standing = (bytes: number) => [{ name: "weights", category: "parameters" as const, bytes }];
  assertEquals(leastMemory(claims, standing(4096)), {
    bufferBytes: 4096 + 1536,
    largestBufferBytes: 4096,
  });
  assertEquals(leastMemory(claims, standing(100)), { bufferBytes: 1636, largestBufferBytes: 1024 });
});

Deno.test("planMemory() of nothing is the standing buffers", () => {
  const plan = planMemory([], [{ name: "weights", category: "parameters", bytes: 12 }]);
  assertEquals([plan.livePeakBytes, plan.bufferBytes, plan.slots.sizes.length], [12, 12, 0]);
});

/** Asserts that what a plan puts where fits its buffer, begins at a multiple of 256 bytes, and meets nothing that lives at the time. */
function assertSound(
  claims: readonly Claim[],
  apart: readonly (readonly [number, number])[],
  { slots: { sizes, assignment, offsets } }: MemoryPlan,
): void {
  const end = (i: number) => offsets[i] + claims[i].bytes;
  const meet = (i: number, j: number) =>
    claims[i].first <= claims[j].last && claims[j].first <= claims[i].last;
  assert(claims.every((_, i) => end(i) <= sizes[assignment[i]]), "a tensor ends behind its buffer");
  assert(offsets.every((offset) => offset % 256 === 0), "a tensor begins at no multiple of 256 bytes");
  for (const members of Map.groupBy(claims.keys(), (i) => assignment[i]).values()) {
    members.sort((i, j) => claims[i].first - claims[j].first);
    members.forEach((i, at) => {
      for (const j of members.slice(at + 1)) {
        if (claims[j].first > claims[i].last) break;
        assert(end(i) <= offsets[j] || end(j) <= offsets[i], "two live tensors overlap");
      }
    });
  }
  const together = apart.some(([i, j]) => meet(i, j) && assignment[i] === assignment[j]);
  assert(!together, "a pair that is to be kept apart shares a buffer");
}

Deno.test("planMemory() holds any claims without overlap, and needs at least their peak", () => {
  const random = new Random(1);
  for (let round = 0; round < 100; round++) {
    const claims = Array.from({ length: random.below(40) }, (_, i) => {
      const first = random.below(50);
      const category = categories[random.below(categories.length)];
      return claim(`${i}`, 4 + 4 * random.below(4000), first, first + random.below(12), category);
    });
    const pairs = claims.flatMap((_, i) => i > 0 && random.below(2) ? [[i, random.below(i)] as const] : []);
    const plan = planMemory(claims, [], pairs);
    assertSound(claims, pairs, plan);
    assertEquals(planMemory(claims, [], pairs), plan, "the same claims are planned another way");
    const live = Array.from(
      { length: 64 },
      (_, at) => claims.filter((c) => c.first <= at && at <= c.last).reduce((sum, c) => sum + c.bytes, 0),
    );
    assertEquals(plan.livePeakBytes, Math.max(...live));
    assertEquals(Object.values(plan.liveAtPeak).reduce((a, b) => a + b, 0), plan.livePeakBytes);
    assertEquals(plan.bufferBytes, plan.slots.sizes.reduce((a, b) => a + b, 0));
    assert(plan.bufferBytes >= plan.livePeakBytes);
    assert(plan.slots.sizes.every((bytes) => bytes % 256 === 0), "a buffer is not a multiple of 256 bytes");
  }
});

Deno.test("planMemory() of a training step's nested lives wastes at most 5%", () => {
  // Forward: each layer saves three tensors of different widths and passes on a stream; backward frees them in reverse.
  const layers = 12;
  const end = 8 * layers;
  const claims = Array.from({ length: layers }, (_, layer) => [
    ...[4096, 12288, 16384].map((bytes, i) =>
      claim(`saved ${i} of ${layer}`, bytes, 4 * layer + i, end - 4 * layer - i, "saved")
    ),
    claim(`stream ${layer}`, 16384, 4 * layer, 4 * layer + 4),
    claim(`gradient ${layer}`, 16384, end - 4 * layer - 4, end - 4 * layer),
  ]).flat();
  const plan = planMemory(claims, []);
  assert(plan.bufferBytes <= 1.05 * plan.livePeakBytes, `${plan.bufferBytes} for ${plan.livePeakBytes}`);
});

for (
  const [blocks, pieces, chunks, withKeys] of [
    [12, 64, 128, false],
    [12, 64, 128, true],
    [12, 16, 32, false],
    [3, 24, 24, false],
  ] as const
) {
  const name = `${blocks} blocks in ${pieces} pieces${withKeys ? ", with the keys of whole sequences" : ""}`;
  Deno.test(`planMemory() of a step in mini-sequences wastes at most 3%: ${name}`, () => {
    const { claims, apart } = miniSequences(blocks, pieces, chunks, { withKeys });
    const plan = planMemory(claims, [], apart);
    assertSound(claims, apart, plan);
    assert(plan.bufferBytes <= 1.03 * plan.livePeakBytes, `${plan.bufferBytes} for ${plan.livePeakBytes}`);
  });
}
