import { assertEquals } from "@std/assert";
import { policyDocument } from "../src/storage/policies.ts";
import { withStorageOptions } from "./options.ts";

Deno.test("withStorageOptions() replaces what is given, and nothing else", () => {
  const mesa8 = policyDocument("mesa8");
  assertEquals(withStorageOptions(mesa8, {}), mesa8);
  assertEquals(withStorageOptions(mesa8, { rounding: undefined, ranges: "delayed" }), {
    ...mesa8,
    ranges: "delayed",
  });
  const both = { rounding: "nearest", attention: "materialised" } as const;
  assertEquals(withStorageOptions(mesa8, both), { ...mesa8, ...both });
});
