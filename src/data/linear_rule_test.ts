import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { ImageSet } from "./image_set.ts";
import { classEntropy, linearRuleLoss } from "./linear_rule.ts";
import { Random } from "./random.ts";

const [size, classes] = [16, 4];

/** Noise, brighter in the quarter that the class names; with `tells` 0 it does not tell. */
function quarters(count: number, tells: number, seed: number): ImageSet {
  const random = Random.for(seed, "quarters");
  const images = Array.from({ length: count }, (_, index) => {
    const label = index % classes;
    const pixels = Uint8Array.from({ length: 3 * size * size }, (_, i) => {
      const [x, y] = [i % size, Math.floor(i / size) % size];
      const quarter = 2 * Number(y >= size / 2) + Number(x >= size / 2);
      return random.below(200) + (quarter === label ? tells : 0);
    });
    return { label, pixels };
  });
  return {
    count,
    label: (index) => images[index].label,
    write: (index, out, at) => out.set(images[index].pixels, at),
  };
}

const loss = (tells: number) =>
  linearRuleLoss(quarters(200, tells, 1), quarters(100, tells, 2), { classes, size, count: 100 });

Deno.test("linearRuleLoss() is small where a linear rule tells classes apart, and no less than their entropy where nothing does", () => {
  assert(loss(50) < 0.05, `${loss(50)}`);
  assert(loss(0) > Math.log(classes), `${loss(0)}`); // it takes chance for a rule
});

Deno.test("linearRuleLoss() is the same number each time", () => assertEquals(loss(20), loss(20)));

Deno.test("classEntropy() is that of the images that are looked at", () => {
  const set = quarters(10, 0, 1); // 0 1 2 3 0 1 2 3 0 1
  assertAlmostEquals(classEntropy(set, classes, 8), Math.log(4), 1e-12);
  assertAlmostEquals(classEntropy(set, classes, 5), 3 / 5 * Math.log(5) + 2 / 5 * Math.log(5 / 2), 1e-12);
  assertEquals(classEntropy(set, classes, 1), 0);
});
