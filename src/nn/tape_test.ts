import { assert, assertEquals } from "@std/assert";
import { ProgramBuilder } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { gelu, type Operand, plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { type SavedTensor, Savings, type StoragePolicy } from "../storage/policy.ts";
import { policyDocument } from "../storage/policies.ts";
import { Tape } from "./tape.ts";

const saved: SavedTensor = { kind: "linear", layer: 3, heads: 2 };

/** A tape over a policy that notes what it is given to store, and keeps it as it is. */
function recordingTape(reuse: boolean) {
  const stored: { x: Tensor; saved: SavedTensor; index: number; kept: Operand }[] = [];
  const document = { ...policyDocument("mesa8"), reuse };
  const policy: StoragePolicy = {
    ...{ name: "recording", document, reuse, attention: "fused", clipCounters: [] },
    categoryOf: () => "saved",
    store(_builder, x, saved, index) {
      const kept = plain(x);
      stored.push({ x, saved, index, kept });
      return kept;
    },
  };
  const builder = new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
  const x = builder.tensor("x", 5, 8, { category: "transient" });
  const materialized = () =>
    builder.build().dispatches.filter(({ kernel }) => kernel.label === "materialize");
  return { tape: new Tape(builder, new Savings(builder, policy)), x, stored, materialized };
}

Deno.test("Tape.input() stores nothing under reuse where something saved gives the input", () => {
  const { tape, x, stored, materialized } = recordingTape(true);
  const kept = tape.save(x, { kind: "gelu", layer: 3, heads: 2 });
  const given = { exact: gelu(plain(x)), kept: gelu(kept) };
  assertEquals(tape.input("input", given, saved), given);
  assertEquals(stored.map((each) => each.saved.kind), ["gelu"]);
  assertEquals(materialized().length, 0);
});

Deno.test("Tape.input() stores a plain input once under reuse, however many operators read it", () => {
  const { tape, x, stored, materialized } = recordingTape(true);
  const exact = plain(x);
  const inputs = [1, 2].map((i) => tape.input(`input ${i}`, { exact }, saved));
  assertEquals(stored.map((each) => [each.x, each.saved, each.index]), [[x, saved, 0]]);
  for (const input of inputs) assert(input.exact === exact && input.kept === stored[0].kept);
  assertEquals(materialized().length, 0);
});

Deno.test("Tape.input() writes a computed input out and stores it where nothing saved gives it", () => {
  const { tape, x, stored, materialized } = recordingTape(true);
  const { exact, kept } = tape.input("input", { exact: gelu(plain(x)) }, saved);
  assertEquals(stored.map((each) => each.saved), [saved]);
  const [{ x: written }] = stored;
  assertEquals([written.name, written.rows, written.cols, written.category], ["input", 5, 8, "saved"]);
  // Forward reads what was written, too.
  assert(exact.tensor === written && exact.cost === "none" && kept === stored[0].kept);
  assertEquals(materialized().map(({ bindings }) => bindings.map(({ tensor }) => tensor)), [[written, x]]);
});

Deno.test("Tape.input() stores for every operator without reuse, whatever is saved already", () => {
  const { tape, x, stored, materialized } = recordingTape(false);
  const kept = tape.save(x, { kind: "layer_norm", layer: 3, heads: 2 });
  const first = tape.input("first", { exact: plain(x), kept }, saved);
  const second = tape.input("second", { exact: gelu(plain(x)), kept: gelu(kept) }, saved);
  assertEquals(stored.map((each) => [each.x.name, each.saved.kind, each.index]), [
    ["x", "layer_norm", 0],
    ["x", "linear", 1],
    ["second", "linear", 2],
  ]);
  assert(first.kept === stored[1].kept && second.kept === stored[2].kept);
  assertEquals(materialized().length, 1);
});

Deno.test("Tape.input() of a tape that saves nothing is what forward reads, twice", () => {
  const builder = new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
  const exact = gelu(plain(builder.tensor("x", 5, 8, { category: "transient" })));
  const input = new Tape(builder, undefined).input("input", { exact }, saved);
  assert(input.exact === exact && input.kept === exact);
  assertEquals(builder.build().dispatches.length, 0);
});
