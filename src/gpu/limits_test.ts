import { assert, assertEquals, assertThrows } from "@std/assert";
import { OutOfMemoryError } from "./errors.ts";
import { limitsOf, rowWindows, typicalGpuLimits, windowAlignment } from "./limits.ts";

function limits(maxStorageBufferBindingSize: number) {
  return { ...typicalGpuLimits, maxStorageBufferBindingSize };
}

Deno.test("limitsOf() lets no byte that is bound lie 2 GiB from the first, whatever is granted", () => {
  assertEquals(limitsOf(typicalGpuLimits), typicalGpuLimits);
  assertEquals(limitsOf(limits(2 ** 27)), limits(2 ** 27));
  const most = limitsOf(limits(2 ** 32 - 4));
  assertEquals(most.maxStorageBufferBindingSize, 2 ** 31 - 4);
  // A residual stream of 4096 channels at 131 072 tokens has exactly 2 GiB.
  assertEquals(rowWindows(most, 131_072, 4 * 4096).map(({ rows }) => rows), [131_008, 64]);
});

Deno.test("rowWindows() leaves rows that fit in one window, to the last byte", () => {
  assertEquals(rowWindows(limits(37 * 240), 37, 240), [{ first: 0, rows: 37 }]);
  assertEquals(rowWindows(limits(101 * 240), 101, 240, 37), [{ first: 0, rows: 101 }]);
});

Deno.test("rowWindows() cuts at multiples of 64 rows", () => {
  assertEquals(rowWindows(limits(150 * 4), 300, 4), [
    { first: 0, rows: 128 },
    { first: 128, rows: 128 },
    { first: 256, rows: 44 },
  ]);
});

Deno.test("rowWindows() keeps whole units together", () => {
  const windows = rowWindows(limits(400 * 16), 96 * 7, 16, 96);
  assertEquals(windows.map((w) => w.rows), [384, 288]);
});

Deno.test("rowWindows() covers every row once, in the fewest windows within the limit, on aligned offsets", () => {
  const rows = 4001;
  const fits = 900;
  for (const [unit, step] of [[1, 64], [3, 192], [32, 64], [96, 192], [128, 128]]) {
    for (const bytesPerRow of [4, 12, 60, 404, 4096]) {
      const windows = rowWindows(limits(fits * bytesPerRow), rows, bytesPerRow, unit);
      let next = 0;
      for (const { first, rows } of windows) {
        assertEquals(first, next);
        assertEquals([first % unit, first % windowAlignment, first * bytesPerRow % 256], [0, 0, 0]);
        assert(rows > 0 && rows <= fits);
        next += rows;
      }
      assertEquals(next, rows);
      for (const { rows } of windows.slice(0, -1)) assert(rows + step > fits, "a window could be larger");
    }
  }
});

Deno.test("rowWindows() says what does not fit when a single window is too large", () => {
  const refusal = (...args: Parameters<typeof rowWindows>) => {
    const { message, bytesWanted } = assertThrows(() => rowWindows(...args), OutOfMemoryError);
    return [message.split(" exceed")[0], bytesWanted];
  };
  assertEquals(refusal(limits(63 * 400), 100, 400), ["64 rows of 400 bytes", 64 * 400]);
  assertEquals(refusal(limits(2000 * 400), 5000, 400, 37), ["2368 rows of 400 bytes", 2368 * 400]);
});
