import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { cheapToRead } from "../../kernels/shared/materialize.ts";
import { gpuTest, normals, runTest } from "../../kernels/testing/testing.ts";
import { UserError } from "../errors.ts";
import { ProgramBuilder } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { type Tensor, tensorBytes } from "../gpu/tensor.ts";
import { createPolicy, policyDocument, policyNamed, policyNames } from "./policies.ts";
import { type SavedTensor, Savings } from "./policy.ts";
import { parsePolicy } from "./policy_document.ts";

const saved: SavedTensor = { kind: "layer_norm", layer: 0, heads: 3 };
const qkv: SavedTensor = { kind: "qkv", layer: 0, heads: 2, parts: 3 };

function newBuilder(): ProgramBuilder {
  return new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
}

/** A policy of mesa8's choices but for the given fields, and savings under it. */
function savingsUnder(fields: Record<string, unknown>) {
  const policy = createPolicy(parsePolicy({ name: "mine", ...fields }, "mine.json"));
  const builder = newBuilder();
  return { policy, builder, savings: new Savings(builder, policy) };
}

Deno.test("policyNamed() knows every preset, and gives each caller a policy of its own", () => {
  assertEquals(policyNames, ["exact", "half", "mesa8", "mesa8-paper", "mesa4", "mesa2", "tensor8"]);
  for (const name of policyNames) {
    const policy = policyNamed(name);
    assertEquals([policy.name, policy.document], [name, policyDocument(name)]);
    assertEquals([policy.attention, policy.reuse], [policy.document.attention, policy.document.reuse]);
    assert(policyNamed(name) !== policy);
  }
});

Deno.test("policyNamed() names the nearest policy where there is none of that name", () => {
  const error = assertThrows(() => policyNamed("mesa-8"), UserError);
  assert(error.message.includes(`did you mean "mesa8"`), error.message);
});

Deno.test("policyNamed() lays overrides over what is quantized, and refuses what tokens cannot have", () => {
  const nearest = { rounding: "nearest", ranges: undefined } as const;
  assertEquals(policyNamed("mesa8", nearest).document, { ...policyDocument("mesa8"), rounding: "nearest" });
  assertEquals(policyNamed("exact", nearest).document, policyDocument("exact"));
  assertEquals(policyNamed("exact", { attention: "materialised" }).attention, "materialised");
  assertEquals(policyNamed("half", { bits: 4, ...nearest }).document.rounding, "nearest");
  const error = assertThrows(() => policyNamed("mesa8", { grouping: "token" }), UserError);
  assert(error.message.startsWith(`Policy "mesa8": ranges of linear tensors`), error.message);
});

for (const name of policyNames) {
  const { reuse, bits } = policyDocument(name);
  const operators = reuse ? "once, however many operators save it" : "for every operator that saves it";
  Deno.test(`Savings.save() stores a tensor under ${name} ${operators}`, () => {
    const builder = newBuilder();
    const policy = policyNamed(name);
    const savings = new Savings(builder, policy);
    const [x, y] = ["x", "y"].map((title) => savings.tensor(title, 8, 12, saved));
    const operand = savings.save(x, saved);
    const { dispatches } = builder.build();
    const stored = dispatches.length;
    assertEquals(savings.save(x, saved) === operand, reuse);
    assertEquals(savings.save(x, { ...saved, kind: "linear", heads: 1 }) === operand, reuse);
    assertEquals(dispatches.length, (reuse ? 1 : 3) * stored);
    assert(savings.save(y, saved) !== operand);
    assertEquals(dispatches.length, (reuse ? 2 : 4) * stored);
    assertEquals(policy.clipCounters.length, bits > 8 ? 0 : reuse ? 2 : 4);
  });

  Deno.test(`${name} books what it keeps as saved, and the tensor that it keeps in other form as transient`, () => {
    const builder = newBuilder();
    const policy = policyNamed(name);
    const savings = new Savings(builder, policy);
    const x = savings.tensor("x", 8, 12, saved);
    const kept = savings.save(x, saved).tensor;
    assertEquals(kept.category, "saved");
    assertEquals(x.category, policy.categoryOf(saved));
    assertEquals(x.category, kept === x ? "saved" : "transient");
    assertEquals([kept.rows, kept.cols], [8, 12]);
    // Rows of 12 numbers: 3 words of 8 bits, 2 of 4, 1 of 2.
    assertEquals(tensorBytes(kept), 8 * { 32: 48, 16: 24, 8: 12, 4: 8, 2: 4 }[bits]);
  });
}

Deno.test("in 32 bits without reuse, the first operator keeps the tensor itself and the others copies", () => {
  const { builder, savings } = savingsUnder({ bits: 32, reuse: false });
  const x = savings.tensor("x", 8, 12, saved);
  const kept = [0, 1, 2].map(() => savings.save(x, saved).tensor);
  assertEquals(kept[0], x);
  assertEquals(new Set(kept).size, 3);
  assertEquals(kept.map((tensor) => tensor.category), ["saved", "saved", "saved"]);
  assertEquals(builder.build().dispatches.length, 2);
});

Deno.test("in 32 bits a tensor that others may overwrite is copied", () => {
  const { builder, savings } = savingsUnder({ bits: 32 });
  const x = builder.tensor("residual stream", 8, 12, { category: "transient" });
  const kept = savings.save(x, saved).tensor;
  assert(kept !== x);
  assert(savings.save(x, saved).tensor === kept);
});

Deno.test("rules choose by kind and by block how a tensor is stored", () => {
  const rules = [{ tensors: ["qkv"], bits: 4 }, { layers: [1, 1], bits: 16 }, {
    tensors: ["gelu"],
    bits: 32,
  }];
  const { savings } = savingsUnder({ rules });
  const dtype = (kind: SavedTensor["kind"], layer: number) => {
    const as = { ...saved, kind, layer };
    return savings.save(savings.tensor("x", 8, 12, as), as).tensor.dtype;
  };
  assertEquals([0, 1, 2].map((layer) => dtype("linear", layer)), ["u8", "f16", "u8"]);
  assertEquals([0, 1, 2].map((layer) => dtype("qkv", layer)), ["u4", "f16", "u4"]);
  assertEquals([0, 1, 2].map((layer) => dtype("gelu", layer)), ["f32", "f32", "f32"]);
});

Deno.test("a range belongs to a tensor, a head or so many channels, of each of q, k and v", () => {
  const groups = (grouping: unknown, as: SavedTensor) => {
    const { policy, savings } = savingsUnder({ grouping });
    savings.save(savings.tensor("x", 8, 24, as), as);
    return policy.clipCounters[0].estimates.rows - 1;
  };
  assertEquals(groups("tensor", saved), 1);
  assertEquals(groups("head", saved), 3);
  assertEquals(groups({ channels: 4 }, saved), 6);
  assertEquals(groups("tensor", qkv), 3);
  assertEquals(groups("head", qkv), 6);
  assertEquals(groups({ channels: 2 }, qkv), 12);
});

Deno.test("groups that do not divide the channels are refused with both numbers", () => {
  const { savings } = savingsUnder({});
  const as = { ...saved, heads: 5 };
  assertThrows(
    () => savings.save(savings.tensor("x", 8, 12, as), as),
    RangeError,
    "5 groups do not divide the 12 channels of x",
  );
  const chunks = savingsUnder({ grouping: { channels: 6 } }).savings;
  assertThrows(
    () => chunks.save(chunks.tensor("h.0 qkv", 8, 24, qkv), qkv), // 6 divides 24, but not each 8
    UserError,
    'Policy "mine": groups of 6 channels do not divide the 8 of h.0 qkv; ' +
      "give a divisor of them, or a rule with another grouping for qkv tensors",
  );
});

Deno.test("storing takes three dispatches, two under delayed ranges after the first run, and one by token", () => {
  const counts = (fields: Record<string, unknown>) => {
    const { builder, savings } = savingsUnder(fields);
    savings.save(savings.tensor("x", 8, 12, saved), saved);
    const { dispatches } = builder.build();
    return [dispatches.length, dispatches.filter(({ first }) => !first).length];
  };
  for (const bits of [8, 4, 2]) {
    assertEquals(counts({ bits }), [3, 3]);
    assertEquals(counts({ bits, ranges: "delayed" }), [4, 2]);
    assertEquals(counts({ bits, ranges: "current", grouping: "token" }), [1, 1]);
  }
});

for (const ranges of ["running", "delayed"] as const) {
  gpuTest(
    `mesa8 keeps the tables of a stored tensor though a second forward advances the same ${ranges} estimates`,
    async () => {
      const [rows, cols] = [9, 12];
      const first = normals(rows * cols, 1);
      const second = normals(rows * cols, 2).map((value) => Math.fround(5 + 3 * value));
      await runTest(({ builder, input }) => {
        const policy = policyNamed("mesa8", { rounding: "nearest", ranges });
        // Two forwards of one program, as gradient accumulation has them: the same estimates, the first backward still to come.
        const [a, b] = [first, second].map((values, i) =>
          new Savings(builder, policy).save(input(`x ${i}`, rows, cols, values), saved)
        );
        assertEquals(policy.clipCounters.length, 1);
        const tables = [a, b].map((operand) => operand.bindings(0)[1].tensor);
        return { a: cheapToRead(builder, a).tensor, b: cheapToRead(builder, b).tensor, tables };
      }, async ({ a, b, tables }, read) => {
        const [before, after] = [await read(tables[0]), await read(tables[1])];
        if (ranges === "delayed") assertEquals(after, before);
        else assertNotEquals(after, before);
        const range = (values: Float64Array) => Math.max(...values) - Math.min(...values);
        const largestError = (found: Float64Array, values: Float64Array) =>
          Math.max(...found.map((value, i) => Math.abs(value - values[i])));
        assert(
          largestError(await read(a), first) <= 0.5001 * range(first) / 255,
          "the first tensor was disturbed",
        );
        // The estimates have moved at most a tenth of the way to the second batch, so its large values are clipped.
        assert(largestError(await read(b), second) > range(second) / 255, "the second forward began anew");
      }, { adapterClass: "software" });
    },
  );
}

gpuTest("without reuse, two stored copies of a tensor are rounded by bits of their own", async () => {
  await runTest(
    ({ builder, input }) => {
      const savings = new Savings(builder, policyNamed("mesa8-paper"));
      const x: Tensor = input("x", 9, 12, normals(9 * 12, 1));
      return [savings.save(x, saved), savings.save(x, saved)].map((operand) =>
        cheapToRead(builder, operand).tensor
      );
    },
    async ([a, b], read) => assertNotEquals(await read(a), await read(b)),
    { adapterClass: "software" },
  );
});

gpuTest("in 32 bits a copy holds the tensor's numbers", async () => {
  const [rows, cols] = [9, 13];
  const values = normals(rows * cols, 1);
  await runTest(
    ({ builder, input }) =>
      new Savings(builder, policyNamed("exact")).save(input("x", rows, cols, values), saved).tensor,
    async (copy, read) => assertEquals(await read(copy), values),
  );
});
