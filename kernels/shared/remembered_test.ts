import { assertEquals } from "@std/assert";
import { remembered } from "./remembered.ts";

Deno.test("remembered() makes a result once for each value of its arguments", () => {
  const made: string[] = [];
  const text = remembered((name: string, { rows }: { rows: number }) => {
    made.push(name);
    return `${name} ${rows}`;
  });
  const results = [
    text("a", { rows: 1 }),
    text("a", { rows: 2 }),
    text("b", { rows: 1 }),
    text("a", { rows: 1 }),
  ];
  assertEquals(results, ["a 1", "a 2", "b 1", "a 1"]);
  assertEquals(made, ["a", "a", "b"]);
});
