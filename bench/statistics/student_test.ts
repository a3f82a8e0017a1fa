import { assertAlmostEquals } from "@std/assert";
import { criticalT, probabilityWithin } from "./student.ts";

Deno.test("probabilityWithin() equals the closed forms of 1 and 2 degrees of freedom", () => {
  for (const t of [0, 0.3, 1, 4, 40]) {
    assertAlmostEquals(probabilityWithin(t, 1), 2 / Math.PI * Math.atan(t), 1e-9);
    assertAlmostEquals(probabilityWithin(t, 2), t / Math.sqrt(2 + t * t), 1e-9);
  }
});

Deno.test("probabilityWithin() takes fractions of degrees of freedom, in order", () => {
  const [low, middle, high] = [2, 2.5, 3].map((degrees) => probabilityWithin(2, degrees));
  assertAlmostEquals(middle, (low + high) / 2, 0.005);
});

Deno.test("criticalT() equals the printed tables of two-sided 95 %", () => {
  // Any textbook's table of Student's t; the last is near the normal distribution's 1.960.
  const table: [number, number][] = [[1, 12.706], [2, 4.303], [4, 2.776], [9, 2.262], [29, 2.045], [
    1000,
    1.962,
  ]];
  for (const [degrees, t] of table) assertAlmostEquals(criticalT(0.95, degrees), t, 0.0006);
});
