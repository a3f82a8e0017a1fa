import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { gpt2Presets } from "../models/gpt2/config.ts";
import { gpt2Task, packTokens, textTensors } from "./text_task.ts";

const tensors = textTensors(6, 5);

Deno.test("packTokens() sorts rows by token, equal ones in order, and says where each token begins", () => {
  const inputs = Uint32Array.of(3, 0, 3, 1, 0, 3);
  const targets = Int32Array.of(0, 3, -100, 0, 3, -100);
  const { contents, valid } = packTokens({ inputs, targets }, tensors);
  const written = new Map(contents);
  assertEquals(written.get(tensors.order), Uint32Array.of(1, 4, 3, 0, 2, 5));
  assertEquals(written.get(tensors.starts), Uint32Array.of(0, 2, 3, 3, 6, 6));
  assertEquals([written.get(tensors.tokens), written.get(tensors.targets)], [inputs, targets]);
  assertEquals(valid, 4);
});

Deno.test("packTokens() of a batch without valid targets counts none", () => {
  const inputs = Uint32Array.of(0, 1, 2, 3, 4, 0);
  assertEquals(packTokens({ inputs, targets: new Int32Array(6).fill(-100) }, tensors).valid, 0);
});

Deno.test("packTokens() names the first token outside the vocabulary, among inputs and among targets", () => {
  const pack = (inputs: number[], targets: number[]) => () =>
    packTokens({ inputs: Uint32Array.from(inputs), targets: Int32Array.from(targets) }, tensors);
  assertThrows(
    pack([0, 5, 9], [0, 0, 0]),
    UserError,
    "Token id 5 at position 1 is outside the vocabulary of 5",
  );
  assertThrows(pack([0, 0, 0], [0, 4, 7]), UserError, "Token id 7 at position 2");
  assertThrows(pack([0, 0, 0], [0, -1, 0]), UserError, "Token id -1 at position 1");
});

Deno.test("textTensors() gives each of a batch's tensors room of its own", () => {
  const { tokens, order, starts, targets, lossRing } = textTensors(37, 101);
  assertEquals([tokens, order, targets].map(({ rows }) => rows), [37, 37, 37]);
  assertEquals(starts.rows, 102);
  const homes = [tokens, order, starts, targets, lossRing].map(({ home }) => home!.store);
  assertEquals(new Set(homes).size, 5);
});

Deno.test("A text's task packs batches of the step's size and no others, whose rows would be an earlier batch's", () => {
  const task = gpt2Task(gpt2Presets.nano, {
    model: gpt2Presets.nano,
    ...{ batch: 2, sequence: 3, policy: "exact", seed: 1 },
  });
  const pack = (inputs: number, targets: number) => () =>
    task.pack({ inputs: new Uint32Array(inputs), targets: new Int32Array(targets) });
  assertEquals(pack(6, 6)().valid, 6);
  assertThrows(pack(3, 3), RangeError, "A batch of 3 tokens and 3 targets is not 6");
  assertThrows(pack(6, 5), RangeError, "5 targets");
});
