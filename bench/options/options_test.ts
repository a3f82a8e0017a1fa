import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { policyDocument } from "../../src/storage/policies.ts";
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

Deno.test("withStorageOptions() refuses estimated ranges for a policy that groups by token", () => {
  const document = {
    ...policyDocument("mesa8"),
    name: "mine",
    grouping: "token",
    ranges: "current",
  } as const;
  assertEquals(withStorageOptions(document, { ranges: "current" }), document);
  for (const ranges of ["running", "delayed"] as const) {
    assertThrows(
      () => withStorageOptions(document, { ranges }),
      UserError,
      `Policy "mine": ranges of linear tensors in block 0 are "${ranges}" where grouping is by token; set "ranges" to "current"`,
    );
  }
});
