import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { runtimeChoice } from "./runtime.ts";

Deno.test("runtimeChoice() takes the known words, by default native, and names them for any other", () => {
  assertEquals(["", "native", "Dawn"].map((word) => runtimeChoice(word)), ["native", "native", "dawn"]);
  assertThrows(
    () => runtimeChoice("dwan"),
    UserError,
    'Unknown HEADROOM_RUNTIME "dwan"; did you mean "dawn"?',
  );
});
