import { assertEquals, assertNotEquals } from "@std/assert";
import { parsePolicy } from "../../src/storage/policy_document.ts";
import { policyDocument, policyNames } from "../../src/storage/policies.ts";
import { policyStyles } from "./policy_style.ts";

const presets = policyNames.map((name) => [name, policyDocument(name)] as const);
const mine = (name: string) => parsePolicy({ name, bits: 4, grouping: { channels: 16 } }, name);

Deno.test("policyStyles() gives every preset a color and a dash that no other has", () => {
  const styles = [...policyStyles(new Map(presets)).values()];
  for (const key of ["color", "dash"] as const) {
    assertEquals(new Set(styles.map((style) => `${style[key]}`)).size, policyNames.length, key);
  }
});

Deno.test("policyStyles() does not depend on what stands beside a policy, or on the order", () => {
  const all = policyStyles(new Map([["mine", mine("mine")], ...presets.toReversed()]));
  for (const [name, document] of [...presets, ["mine", mine("mine")] as const]) {
    assertEquals(policyStyles(new Map([[name, document]])).get(name), all.get(name), name);
  }
});

Deno.test("policyStyles() draws what stores as a preset does as that preset, unless it stands beside it", () => {
  const twin = { ...policyDocument("mesa8"), name: "8 bits" };
  const alone = policyStyles(new Map([["8 bits", twin]])).get("8 bits");
  const both = policyStyles(new Map([["8 bits", twin], ["mesa8", policyDocument("mesa8")]]));
  assertEquals(alone, both.get("mesa8"));
  assertNotEquals(both.get("8 bits"), both.get("mesa8"));
});

Deno.test("policyStyles() gives each of eight policies of one's own a color and a dash that no other has", () => {
  for (const names of [["16 channels", "token"], Array.from({ length: 8 }, (_, i) => `mine ${i}`)]) {
    const styles = [...policyStyles(new Map(names.map((name) => [name, mine(name)]))).values()];
    for (const key of ["color", "dash"] as const) {
      assertEquals(new Set(styles.map((style) => `${style[key]}`)).size, names.length, key);
    }
  }
});

Deno.test("policyStyles() tells forty policies of one's own apart", () => {
  const names = Array.from({ length: 40 }, (_, i) => `mine ${i}`);
  const of = (some: string[]) => policyStyles(new Map(some.map((name) => [name, mine(name)])));
  assertEquals(new Set(of(names).values()).size, 40);
  for (const name of names) assertEquals(of(names.toReversed()).get(name), of(names).get(name), name);
});
