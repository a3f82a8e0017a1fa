import { assertEquals } from "@std/assert";
import {
  bytes,
  decimalsFor,
  duration,
  exponentialAtMost,
  namedList,
  number,
  percentage,
  percentageAtMost,
  plural,
  rarePercentage,
  signed,
  spread,
  withControlsShown,
} from "./format.ts";

Deno.test("bytes() counts in powers of 1024", () => {
  assertEquals([0, 1024, 1_400_000].map(bytes), ["0 B", "1 KiB", "1.34 MiB"]);
});

Deno.test("number() keeps three digits, or all of a whole number", () => {
  assertEquals([0.12345, 9.8765, 123.4, 54_932.4].map(number), ["0.123", "9.88", "123", "54,932"]);
});

Deno.test("spread() writes both numbers to the same digit", () => {
  assertEquals(spread(9.123, 0.0456), "9.12 ± 0.05 ms");
  assertEquals(spread(21.24, 0.236), "21.2 ± 0.2 ms");
  assertEquals(spread(412.3, 3.4), "412 ± 3 ms");
  assertEquals(spread(14_321, 87), "14.3 ± 0.1 s");
  assertEquals(spread(14_321, null), "14.3 s");
});

Deno.test("duration() names the two largest units", () => {
  assertEquals([0.4, 59.7, 125, 3780].map(duration), ["0 s", "1 min 0 s", "2 min 5 s", "1 h 3 min"]);
});

Deno.test("rarePercentage() tells nothing from almost nothing", () => {
  assertEquals([0, 2.54e-7, 4.9e-5, 5e-5, 0.0031].map(rarePercentage), [
    ...["0.00%", "2.5e-7", "4.9e-5", "0.01%", "0.31%"],
  ]);
});

Deno.test("A bound is rounded up, and one that the digits hold stays", () => {
  assertEquals([0, 0.000016, 0.00051, 0.0005, 0.0031, -0.00051].map((share) => percentageAtMost(share)), [
    ...["0.00%", "0.01%", "0.06%", "0.05%", "0.31%", "-0.05%"],
  ]);
  assertEquals(percentageAtMost(0.000016, true), "+0.01%");
  assertEquals([0, 9.32e-6, 9.3e-6, 9.96e-6, 1e-5].map(exponentialAtMost), [
    ...["0.0e+0", "9.4e-6", "9.3e-6", "1.0e-5", "1.0e-5"],
  ]);
});

Deno.test("percentage() may carry its sign, and zero has none of its own", () => {
  assertEquals([0.0012, -0.0005].map((f) => percentage(f)), ["0.12%", "-0.05%"]);
  assertEquals([0.0031, -0.0005, -1e-9].map((f) => percentage(f, true)), ["+0.31%", "-0.05%", "+0.00%"]);
});

Deno.test("signed() always has a sign, and zero a plus", () => {
  assertEquals([0.00312, -0.0005, -1e-9].map((v) => signed(v)), ["+0.0031", "-0.0005", "+0.0000"]);
});

Deno.test("plural() counts", () => {
  assertEquals([plural(1, "step"), plural(2, "step"), plural(0, "process", "processes")], [
    "1 step",
    "2 steps",
    "0 processes",
  ]);
});

Deno.test("namedList() is markdown", () => {
  assertEquals(namedList([["a", "one"], ["b", "two"]]), "- **a**: one\n- **b**: two");
});

Deno.test("decimalsFor() shows two figures of what scatters, and four decimals at least", () => {
  assertEquals([0, 1, 0.0464, 0.0016, 0.00034, 0.000012, 1e-12].map(decimalsFor), [4, 4, 4, 4, 5, 6, 8]);
});

Deno.test("withControlsShown() leaves nothing that a terminal would obey, but line ends and tabs", () => {
  assertEquals(withControlsShown("a\x1b[31m\0\b\n\té\x7f\x9b"), "a␛[31m␀␈\n\té␡\ufffd");
});
