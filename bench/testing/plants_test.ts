import { assertEquals } from "@std/assert";
import { larger, slower } from "./plants.ts";

Deno.test("What is planted to prove comparisons has its place in the program, and only one", async () => {
  for (const { path, from } of [slower(5), ...larger]) {
    const text = await Deno.readTextFile(`${import.meta.dirname}/../../${path}`);
    assertEquals(text.split(from).length, 2, `"${from}" in ${path}`);
  }
});
