import { assertEquals } from "@std/assert";
import { size } from "./value_parsers.ts";

Deno.test("size reads bytes with their unit, and refuses anything else", () => {
  const read = (input: string) => {
    const result = size.parse(input);
    return result.success ? result.value : null;
  };
  assertEquals(["8GiB", "1.5 MiB", "64KiB", "100B"].map(read), [8 * 2 ** 30, 1.5 * 2 ** 20, 2 ** 16, 100]);
  assertEquals(["8GB", "8", "0GiB", "-1MiB", "GiB", "8gib", "8GiB!"].map(read), Array(7).fill(null));
});
