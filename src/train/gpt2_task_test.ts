import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { batchTensors, packBatch } from "./batch_tensors.ts";

Deno.test("packBatch() sorts rows by token, equal ones in order, and says where each token begins", () => {
  const inputs = Uint32Array.of(3, 0, 3, 1, 0, 3);
  const targets = Int32Array.of(0, 3, -100, 0, 3, -100);
  const packed = packBatch({ inputs, targets }, 5);
  assertEquals(packed.order, Uint32Array.of(1, 4, 3, 0, 2, 5));
  assertEquals(packed.starts, Uint32Array.of(0, 2, 3, 3, 6, 6));
  assertEquals([packed.tokens, packed.targets], [inputs, targets]);
  assertEquals(packed.inverseValid, 1 / 4);
});

Deno.test("packBatch() of a batch without valid targets gives every one the weight 0", () => {
  const packed = packBatch({ inputs: Uint32Array.of(0, 1), targets: Int32Array.of(-100, -100) }, 2);
  assertEquals(packed.inverseValid, 0);
});

Deno.test("packBatch() names the first token outside the vocabulary, among inputs and among targets", () => {
  const pack = (inputs: number[], targets: number[]) => () =>
    packBatch({ inputs: Uint32Array.from(inputs), targets: Int32Array.from(targets) }, 5);
  assertThrows(
    pack([0, 5, 9], [0, 0, 0]),
    UserError,
    "Token id 5 at position 1 is outside the vocabulary of 5",
  );
  assertThrows(pack([0, 0, 0], [0, 4, 7]), UserError, "Token id 7 at position 2");
  assertThrows(pack([0, 0, 0], [0, -1, 0]), UserError, "Token id -1 at position 1");
});

Deno.test("batchTensors() gives each of a batch's tensors room of its own", () => {
  const { tokens, order, starts, targets, lossRing, normRing } = batchTensors(37, 101);
  assertEquals([tokens, order, targets].map(({ rows }) => rows), [37, 37, 37]);
  assertEquals(starts.rows, 102);
  const homes = [tokens, order, starts, targets, lossRing, normRing].map(({ home }) => home!.store);
  assertEquals(new Set(homes).size, 6);
});
