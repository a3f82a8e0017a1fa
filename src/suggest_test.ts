import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "./errors.ts";
import { nearest, oneOf } from "./suggest.ts";

const models = ["nano", "micro", "mini", "small", "medium", "large", "xl"] as const;

Deno.test("nearest() finds the name behind a slip of the fingers", () => {
  for (
    const [typed, meant] of [
      ["nanp", "nano"], // replaced
      ["mirco", "micro"], // swapped
      ["smal", "small"], // left out
      ["largee", "large"], // put in
      ["Medium", "medium"], // another case
      ["x", "xl"],
      ["mni", "mini"],
    ]
  ) assertEquals(nearest(typed, models), meant);
});

Deno.test("nearest() suggests nothing for a name that is far from all", () => {
  for (const typed of ["", "gigantic", "abc", "mesa8"]) assertEquals(nearest(typed, models), undefined);
  assertEquals(nearest("nano", []), undefined);
});

Deno.test("nearest() takes the first of equally near names", () => {
  assertEquals(nearest("mesa", ["mesa8", "mesa4"]), "mesa8");
});

Deno.test("oneOf() returns a known name", () => {
  const model: "nano" | "micro" | "mini" | "small" | "medium" | "large" | "xl" = oneOf("model", "xl", models);
  assertEquals(model, "xl");
});

Deno.test("oneOf() names the nearest and all known names", () => {
  assertEquals(
    assertThrows(() => oneOf("model", "nanp", models), UserError).message,
    'Unknown model "nanp"; did you mean "nano"? Known: nano, micro, mini, small, medium, large, xl',
  );
  assertEquals(
    assertThrows(() => oneOf("policy", "zfp", ["exact", "half"]), UserError).message,
    'Unknown policy "zfp"; known: exact, half',
  );
});
