import { assert, assertEquals, assertThrows } from "@std/assert";
import { ProgramBuilder } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { gelu, type Operand, plain } from "../gpu/operand.ts";
import { rowsOf, type Tensor, wholeOf } from "../gpu/tensor.ts";
import type { SavedTensor, StoragePolicy } from "../storage/policy.ts";
import { createPolicy, policyDocument } from "../storage/policies.ts";
import { ParameterSet, parameterShapes } from "./parameters.ts";
import { type Keep, Tape } from "./tape.ts";

const saved: Keep = { key: "input", kind: "linear", layer: 3, heads: 2 };

/** A tape over a policy that notes what it is given to store, and keeps it as it is. */
function recordingTape(reuse: boolean) {
  const stored: { x: Tensor; saved: SavedTensor; key: string; kept: Operand }[] = [];
  const policy: StoragePolicy = {
    ...createPolicy({ ...policyDocument("mesa8"), reuse }),
    categoryOf: () => "saved",
    store(_builder, x, saved, key) {
      const kept = plain(x);
      stored.push({ x, saved, key, kept });
      return kept;
    },
  };
  const builder = new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
  const x = builder.tensor("x", 5, 8, { category: "transient" });
  const materialized = () =>
    builder.build().dispatches.filter(({ kernel }) => kernel.label === "materialize");
  return { tape: Tape.training(builder, policy), builder, x, stored, materialized };
}

Deno.test("Tape.input() stores nothing under reuse where something saved gives the input", () => {
  const { tape, x, stored, materialized } = recordingTape(true);
  const kept = tape.keep(x, { ...saved, key: "x", kind: "gelu" });
  const given = { exact: gelu(plain(x)), kept: () => gelu(kept()) };
  assertEquals(tape.input(given, saved), given);
  assertEquals(stored.map((each) => each.saved.kind), ["gelu"]);
  assertEquals(materialized().length, 0);
});

Deno.test("Tape.input() stores a plain input as it is", () => {
  const { tape, x, stored, materialized } = recordingTape(true);
  const exact = plain(x);
  const input = tape.input({ exact }, saved);
  const { key, ...as } = saved;
  assertEquals(stored.map((each) => [each.x, each.saved, each.key]), [[x, as, key]]);
  assert(input.exact === exact && input.kept() === stored[0].kept);
  assertEquals(materialized().length, 0);
});

Deno.test("Tape.input() writes a computed input out and stores it where nothing saved gives it", () => {
  const { tape, x, stored, materialized } = recordingTape(true);
  const { exact, kept } = tape.input({ exact: gelu(plain(x)) }, saved);
  const [{ x: written }] = stored;
  assertEquals([written.name, written.rows, written.cols, written.category], ["input", 5, 8, "saved"]);
  // Forward reads what was written, too.
  assert(exact.tensor === written && exact.cost === "none" && kept() === stored[0].kept);
  assertEquals(materialized().map(({ bindings }) => bindings.map(({ tensor }) => tensor)), [[written, x]]);
});

Deno.test("Tape.input() stores for every operator without reuse, whatever is saved already", () => {
  const { tape, x, stored, materialized } = recordingTape(false);
  const kept = tape.keep(x, { ...saved, key: "x", kind: "layer_norm" });
  const first = tape.input({ exact: plain(x), kept }, { ...saved, key: "first" });
  const second = tape.input({ exact: gelu(plain(x)), kept: () => gelu(kept()) }, { ...saved, key: "second" });
  assertEquals(stored.map((each) => [each.x.name, each.saved.kind, each.key]), [
    ["x", "layer_norm", "x"],
    ["x", "linear", "first"],
    ["second", "linear", "second"],
  ]);
  assert(first.kept() === stored[1].kept && second.kept() === stored[2].kept);
  assertEquals(materialized().length, 1);
});

Deno.test("A tape that keeps nothing gives forward its input, and backward a reason", () => {
  const { tape, builder, x, stored } = recordingTape(true);
  const exact = gelu(plain(x));
  for (const quiet of [Tape.evaluation(builder), tape.quiet()]) {
    const input = quiet.input({ exact }, saved);
    assert(input.exact === exact);
    assertThrows(input.kept, Error, "did not keep");
  }
  assertEquals([stored.length, builder.build().dispatches.length], [0, 0]);
});

Deno.test("A tape of what is made again keeps tensors themselves, and books them as transient", () => {
  const { tape, stored } = recordingTape(false);
  const again = tape.again();
  const x = again.tensor("x", 5, 8, saved);
  assertEquals([x.category, again.exactly("rstd", 5, 1).category], ["transient", "transient"]);
  assert(again.keep(x, saved)().tensor === x);
  assertEquals([again.keepsItself(saved), again.storesInputs, again.takes(x), stored.length], [
    ...[true, false, undefined, 0],
  ]);
});

Deno.test("A step is one: its tapes know that it trains, and in which form attention is", () => {
  const builder = new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
  const policy = createPolicy(policyDocument("mesa8-paper"));
  const tape = Tape.training(builder, policy);
  for (const each of [tape, tape.quiet(), tape.again(), tape.again().quiet()]) {
    assertEquals([each.training, each.attention], [true, "materialised"]);
  }
  const evaluation = Tape.evaluation(builder, policy);
  assertEquals([evaluation.training, evaluation.attention], [false, "fused"]);
});

Deno.test("Tape.keep() refuses a key twice, and what has been overwritten; its place can be kept", () => {
  const { tape, x } = recordingTape(true);
  const y = tape.transient("y", 5, 8);
  tape.keep(x, saved);
  assertThrows(() => tape.keep(y, saved), Error, "Two tensors are kept as input");
  const place = tape.takes(y)!;
  assert(place !== y && wholeOf(place) === y);
  assertThrows(() => tape.keep(y, { ...saved, key: "y" }), Error, "y is kept after y was overwritten");
  tape.keep(place, { ...saved, key: "y" });
});

Deno.test("Tape.takes() leaves alone what is kept itself, and Tape.changeable() copies it", () => {
  const { tape, x, materialized } = recordingTape(true);
  const free = tape.transient("free", 5, 8);
  assert(wholeOf(tape.changeable({ exact: plain(free) }, "stream")) === free);
  assertEquals(materialized().length, 0);
  tape.keep(x, saved);
  assertEquals(tape.takes(x), undefined);
  const copy = tape.changeable({ exact: plain(x) }, "stream");
  assertEquals(materialized().map(({ bindings }) => bindings.map(({ tensor }) => tensor)), [[copy, x]]);
});

Deno.test("Tape.gradients() replaces at a parameter's first use, adds at the others, and knows the last", () => {
  const { tape } = recordingTape(true);
  const [tied, other] = new ParameterSet([...parameterShapes("all").norm("norm", 8)], typicalGpuLimits).all;
  tape.uses(tied, other);
  tape.quiet().uses(tied); // a layer of which nothing is kept is one of its users
  tape.again().uses(tied); // emitted again, it is the same one
  const adds: boolean[][] = [];
  const give = (...parameters: typeof tied[]) =>
    tape.gradients(parameters, (...sinks) => void adds.push(sinks.map(({ add }) => add)));
  give(tied, other);
  assertEquals([tied, other].map((p) => tape.completed(p)), [false, true]);
  give(tied);
  assertEquals([tied, other].map((p) => tape.completed(p)), [true, true]);
  assertEquals(adds, [[false, false], [true]]);
  assertThrows(() => give(tied), Error, "more gradients than uses");
});

Deno.test("Tape.gradients() adds from the first on where gradients accumulate", () => {
  const { builder } = recordingTape(true);
  const tape = Tape.training(builder, createPolicy(policyDocument("exact")), { accumulate: true });
  const [parameter] = new ParameterSet(parameterShapes("all").norm("norm", 8), typicalGpuLimits).all;
  tape.uses(parameter);
  tape.gradients([parameter], ({ tensor, add }) => {
    assertEquals([tensor, add], [parameter.gradient, true]);
  });
});

Deno.test("rowsOf() is rows of a tensor, of its own memory, of any rows of it", () => {
  const { builder } = recordingTape(true);
  const x = builder.tensor("x", 300, 8, { category: "transient" });
  const part = rowsOf(rowsOf(x, 64, 200), 128, 30);
  assertEquals([part.rows, part.view], [30, { of: x, firstRow: 192 }]);
  assert(rowsOf(x, 0, 300) === x);
  assertThrows(() => rowsOf(x, 64, 300), RangeError, "x has no rows 64 to 363: it has 300");
  assertThrows(() => rowsOf(x, 7, 8), RangeError, "Rows of x cannot be bound from row 7");
});
