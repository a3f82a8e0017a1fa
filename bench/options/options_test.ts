import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { allWithStorageOptions, withStorageOptions } from "./options.ts";

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

Deno.test("allWithStorageOptions() refuses what changes nothing in any policy, and takes what changes one", () => {
  const policies = (...names: string[]) => names.map(policyDocument);
  const refused = (names: string[], choices: Parameters<typeof allWithStorageOptions>[1], sentence: string) =>
    assertThrows(() => allWithStorageOptions(policies(...names), choices), UserError, sentence);
  refused(
    ["exact"],
    { rounding: "nearest" },
    "--rounding is for tensors in fewer than 16 bits, and exact keeps none",
  );
  refused(
    ["exact", "half"],
    { ranges: "current" },
    "--ranges is for tensors in fewer than 16 bits, and exact, half ",
  );
  for (const given of [{ attention: "materialised" }, {}] as const) {
    assertEquals(allWithStorageOptions(policies("exact"), given), [{ ...policyDocument("exact"), ...given }]);
  }
  const both = allWithStorageOptions(policies("exact", "mesa8"), { rounding: "nearest" });
  assertEquals(both.map(({ rounding }) => rounding), ["nearest", "nearest"]);
  const rules: PolicyDocument["rules"] = [{ tensors: ["gelu"], bits: 8 }];
  const mixed = { ...policyDocument("exact"), rules };
  assertEquals(allWithStorageOptions([mixed], { ranges: "delayed" }), [{ ...mixed, ranges: "delayed" }]);
});
