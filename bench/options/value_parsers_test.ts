import { assertEquals } from "@std/assert";
import { list, nonNegative, percent, share, size, span, whole, word } from "./value_parsers.ts";

/** What a parser makes of a text; null if it refuses it. */
const reader = (parser: typeof size) => (input: string) => {
  const result = parser.parse(input);
  return result.success ? result.value : null;
};

Deno.test("size reads whole bytes with their unit, and refuses anything else", () => {
  const read = reader(size);
  assertEquals(["8GiB", "1.5 MiB", "64KiB", "100B"].map(read), [8 * 2 ** 30, 1.5 * 2 ** 20, 2 ** 16, 100]);
  assertEquals(["0.3KiB", "8191TiB"].map(read), [307, 8191 * 2 ** 40]);
  const none = ["8GB", "8", "0GiB", "0.5B", "-1MiB", "GiB", "8gib", "8GiB!", "8192TiB"];
  assertEquals(none.map(read), Array(none.length).fill(null));
});

Deno.test("percent reads what is above nothing and below all, and span times with their unit", () => {
  assertEquals(["0.5%", "1 %", "99.9%"].map(reader(percent)), [0.005, 0.01, 0.9990000000000001]);
  const shares = ["0.5", "0%", "100%", "-1%", "%", "1e-3%", "half"];
  assertEquals(shares.map(reader(percent)), Array(shares.length).fill(null));
  assertEquals(["90s", "5min", "1.5 h"].map(reader(span)), [90, 300, 5400]);
  const times = ["5", "5m", "0s", "-1s", "min", "5 minutes", "1e3s"];
  assertEquals(times.map(reader(span)), Array(times.length).fill(null));
});

Deno.test("whole reads whole numbers in decimal digits, within its bounds", () => {
  assertEquals(["0", "7", " 8 ", "2147483647"].map(reader(whole(0))), [0, 7, 8, 2 ** 31 - 1]);
  const none = [
    "",
    " ",
    "-1",
    "+1",
    "1.0",
    "1e3",
    "0x10",
    "1_000",
    "x",
    "NaN",
    "2147483648",
    "9".repeat(400),
  ];
  assertEquals(none.map(reader(whole(0))), Array(none.length).fill(null));
  assertEquals(["1", "2", "9", "10"].map(reader(whole(2, 9))), [null, 2, 9, null]);
});

Deno.test("nonNegative reads what f32 can hold, and nothing that vanishes in it", () => {
  assertEquals(["0", "1e-45", "0.5", "3.4e38"].map(reader(nonNegative)), [0, 1e-45, 0.5, 3.4e38]);
  const none = ["", "-1", "-1e-9", "1e-46", "3.5e38", "1e999", "Infinity", "NaN", "x"];
  assertEquals(none.map(reader(nonNegative)), Array(none.length).fill(null));
});

Deno.test("share reads what is at least 0 and below 1", () => {
  assertEquals(["0", "0.999", "1", "-0.1", "NaN", ""].map(reader(share)), [0, 0.999, null, null, null, null]);
});

Deno.test("list reads values with commas between them, and first of all one value that has commas itself", () => {
  const read = (input: string) => {
    const result = list(word("LETTER", ["a", "b", "a,b"])).parse(input);
    return result.success ? result.value : null;
  };
  assertEquals(["a", "b, a", "a,b", "a,b,a", "a,c"].map(read), [
    ["a"],
    ["b", "a"],
    ["a,b"],
    ["a", "b", "a"],
    null,
  ]);
});
