import { assert, assertEquals } from "@std/assert";
import { largest } from "./largest.ts";

Deno.test("largest() finds the last number for which a predicate holds, wherever it begins", () => {
  for (const last of [0, 1, 2, 3, 7, 8, 100, 1000]) {
    for (const near of [undefined, 1, 2, 50, 99, 100, 101, 5000]) {
      assertEquals(largest((n) => n <= last, { near }), last, `${last} from ${near}`);
    }
  }
});

Deno.test("largest() looks at no number beyond the most, and at none below one", () => {
  for (const near of [-5, 0, 1, 7, 10, 90]) {
    const looked: number[] = [];
    assertEquals(largest((n) => looked.push(n) > 0, { near, most: 10 }), 10);
    assertEquals(largest((n) => looked.push(n) < 0, { near, most: 10 }), 0);
    assert(looked.every((n) => 1 <= n && n <= 10), looked.join());
  }
});

Deno.test("largest() takes twice the logarithm at most, and few looks where it begins near", () => {
  const looks = (near?: number) => {
    let count = 0;
    largest((n) => (count++, n <= 1_000_000), { near });
    return count;
  };
  assert(looks() <= 2 * 20 + 1, `${looks()}`);
  assertEquals([looks(1_000_000), looks(1_000_001)], [2, 2]);
  assert(looks(1_000_010) <= 8 && looks(999_990) <= 8);
});
