import { assert, assertEquals } from "@std/assert";
import { policyDocument } from "../../storage/policies.ts";
import type { PolicyDocument } from "../../storage/policy_document.ts";
import type { StoredTensor } from "../../storage/stored_values.ts";
import { storageOfDevice } from "./reference_storage.ts";

const stochastic = policyDocument("mesa2");
const nearest: PolicyDocument = { ...stochastic, rounding: "nearest" };
const saved = { kind: "gelu", layer: 0, heads: 1 } as const;

/** A tensor of two bits: 0, 1, 2 or 3. */
function codes(...values: number[]): StoredTensor {
  return { bits: 2, values: Float64Array.from(values), step: () => 1, extremes: () => [0, 3] };
}

/** What is wrong with tensors that a device stored in place of exact ones. */
function complaints(
  policy: PolicyDocument,
  stored: Record<string, StoredTensor>,
  exact: Record<string, number[]>,
): string[] {
  const { storage, complaints } = storageOfDevice(policy, new Map(Object.entries(stored)));
  for (const [key, values] of Object.entries(exact)) {
    storage.store!(key, Float64Array.from(values), 1, values.length, saved);
  }
  return complaints();
}

Deno.test("storageOfDevice() takes what lies within half a step, or a step where rounding is stochastic", () => {
  const stored = { x: codes(0, 1, 2, 3) };
  assertEquals(complaints(nearest, stored, { x: [0.49, 0.51, 2.49, 2.51] }), []);
  assertEquals(complaints(stochastic, stored, { x: [0.99, 0.01, 2.99, 2.01] }), []);
  for (const [policy, far] of [[nearest, 1.51], [stochastic, 2.01]] as const) {
    assertEquals(complaints(policy, stored, { x: [0.4, far, 2, 3] }), [
      `x is kept as 1 at element 1, too far from ${far}`,
    ]);
  }
  assert(complaints(stochastic, { x: codes(0, NaN) }, { x: [0.1, 1] }).length > 0);
});

Deno.test("storageOfDevice() takes the ends of the range for what lies outside it, and anything where nothing is said", () => {
  assertEquals(complaints(nearest, { x: codes(0, 3, 2) }, { x: [-7, 9, NaN] }), []);
  assertEquals(complaints(nearest, { x: codes(1, 3, 2) }, { x: [-7, 9, NaN] }).length, 1);
});

Deno.test("storageOfDevice() names tensors that are not stored, not in these bits, or not known", () => {
  const eight: StoredTensor = { ...codes(1, 2), bits: 8 };
  assertEquals(
    complaints(stochastic, { x: codes(0, 1), y: codes(2), z: eight }, { w: [1], x: [0.5, 1], z: [1, 2] }),
    [
      "w is not kept in 2 bits, 1 elements of them",
      "z is not kept in 2 bits, 2 elements of them",
      "y is kept, and yet unknown to the reference",
      "z is kept, and yet unknown to the reference",
    ],
  );
});

Deno.test("storageOfDevice() wants something to be dropped where fewer bits are stored, and nothing of 32", () => {
  assertEquals(complaints(stochastic, { x: codes(0, 1, 3) }, { x: [0, 1, 3] }), [
    "All that is kept is exact: nothing was stored in fewer bits",
  ]);
  assertEquals(complaints(policyDocument("exact"), {}, { x: [0.5] }), []);
});
