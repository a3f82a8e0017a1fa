import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { rotaryFrequencies } from "./rotary_frequencies.ts";
import { rotated } from "./rotary_reference.ts";
import { dot, relativeError, seededValues } from "../testing/reference_testing.ts";

const shape = { sequence: 5, heads: 2, frequencies: [1, 0.1, 0.01] };
const cols = 2 * 6 + 3;
const x = seededValues(10 * cols, 1);

Deno.test("rotated() turns a pair by its position's angle, and leaves positions 0 and what is no head alone", () => {
  const y = rotated(x, cols, shape);
  const row = 5 + 2, head = 1, i = 1; // the second sequence's third token
  const at = row * cols + head * 6 + i;
  const turn = Math.atan2(y[at + 3], y[at]) - Math.atan2(x[at + 3], x[at]);
  assertAlmostEquals(Math.cos(turn), Math.cos(0.2), 1e-14);
  assertAlmostEquals(Math.sin(turn), Math.sin(0.2), 1e-14);
  assertEquals(y.subarray(5 * cols, 6 * cols), x.subarray(5 * cols, 6 * cols));
  assertEquals(y.subarray(row * cols + 12, (row + 1) * cols), x.subarray(row * cols + 12, (row + 1) * cols));
});

Deno.test("rotated() back is the transpose, and the inverse", () => {
  const d = seededValues(x.length, 2);
  assertAlmostEquals(dot(rotated(x, cols, shape), d), dot(x, rotated(d, cols, shape, { back: true })), 1e-12);
  const there = rotated(x, cols, shape);
  assert(relativeError(rotated(there, cols, shape, { back: true }), x) < 1e-15);
});

Deno.test("rotated() makes scores depend on the distance between two tokens alone", () => {
  const row = Float64Array.from({ length: 8 * 6 }, (_, i) => x[i % 6]); // one head, the same in every row
  const y = rotated(row, 6, { sequence: 8, heads: 1, frequencies: shape.frequencies });
  const score = (a: number, b: number) => dot(y.slice(6 * a, 6 * a + 6), y.slice(6 * b, 6 * b + 6));
  assertAlmostEquals(score(2, 0), score(7, 5), 1e-14);
});

Deno.test("rotaryFrequencies() are powers of the base, and Llama 3's scaled ones have its published values", () => {
  assertEquals(rotaryFrequencies({ headSize: 4, base: 10000 }), [1, 0.01]);
  const scaling = { factor: 32, slow: 1, fast: 4, positions: 8192 };
  const [plain, scaled] = [null, scaling].map((scaling) =>
    rotaryFrequencies({ headSize: 64, base: 500000, scaling })
  );
  // A wavelength below 8192 / 4 stays, one above 8192 is divided, and in between it is interpolated.
  for (const [i, frequency] of plain.entries()) {
    const wavelength = 2 * Math.PI / frequency;
    if (wavelength < 2048) assertEquals(scaled[i], frequency);
    else if (wavelength > 8192) assertAlmostEquals(scaled[i], frequency / 32, 1e-18);
    else {
      const smooth = (8192 / wavelength - 1) / 3;
      assertAlmostEquals(scaled[i], (1 - smooth) * frequency / 32 + smooth * frequency, 1e-18);
    }
  }
  assertEquals(
    scaled.filter((frequency, i) => frequency !== plain[i] && frequency !== plain[i] / 32).length,
    3,
  );
});
