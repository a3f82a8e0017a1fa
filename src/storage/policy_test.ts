import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { cheapToRead } from "../../kernels/shared/materialize.ts";
import { gpuTest, normals, runTest } from "../../kernels/testing/testing.ts";
import { UserError } from "../errors.ts";
import { ProgramBuilder } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { type Tensor, tensorBytes } from "../gpu/tensor.ts";
import { createPolicy, policyDocument, policyNames } from "./policies.ts";
import { policyNamed } from "./testing.ts";
import type { SavedTensor, StoragePolicy } from "./policy.ts";
import { parsePolicy } from "./policy_document.ts";

const saved: SavedTensor = { kind: "layer_norm", layer: 0, heads: 3 };
const qkv: SavedTensor = { kind: "qkv", layer: 0, heads: 2, parts: 3 };

function newBuilder(): ProgramBuilder {
  return new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
}

/** A program under a policy: how it books a tensor that will be kept, and how it keeps it. */
function keeping(policy: StoragePolicy, builder = newBuilder()) {
  return {
    policy,
    builder,
    tensor: (name: string, rows: number, cols: number, as: SavedTensor) =>
      builder.tensor(name, rows, cols, { category: policy.categoryOf(as) }),
    keep: (x: Tensor, as: SavedTensor, key = x.name) => policy.store(builder, x, as, key),
  };
}

/** Likewise under a policy of mesa8's choices but for the given fields. */
const keepingUnder = (fields: Record<string, unknown>) =>
  keeping(createPolicy(parsePolicy({ name: "mine", ...fields }, "mine.json")));

Deno.test("policyNamed() knows every preset, and gives each caller a policy of its own", () => {
  assertEquals(policyNames, [
    ...["exact", "half", "mesa8", "mesa8-paper", "mesa4", "mesa2", "tensor8", "token8"],
    ...["mesa8-selective", "recompute", "recompute8", "mst", "mst8"],
  ]);
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
  const { bits, grouping } = policyDocument(name);
  const counted = bits <= 8 && grouping !== "token";
  Deno.test(`${name} follows the ranges of each key, however often it stores it`, () => {
    const { policy, tensor, keep } = keeping(policyNamed(name));
    const [x, y] = ["x", "y"].map((title) => tensor(title, 8, 12, saved));
    for (let step = 0; step < 2; step++) keep(x, saved);
    assertEquals(policy.clipCounters.length, counted ? 1 : 0);
    keep(y, saved);
    assertEquals(policy.clipCounters.length, counted ? 2 : 0);
  });

  Deno.test(`${name} books what it keeps as saved, and the tensor that it keeps in other form as transient`, () => {
    const { policy, tensor, keep } = keeping(policyNamed(name));
    for (const [as, category] of [[saved, "saved"], [{ ...saved, kind: "block_input" }, "inputs"]] as const) {
      const x = tensor("x", 8, 12, as);
      const kept = keep(x, as, category).tensor;
      assertEquals(kept.category, category);
      assertEquals(x.category, policy.categoryOf(as));
      assertEquals(x.category, kept === x ? category : "transient");
      assertEquals([kept.rows, kept.cols], [8, 12]);
      // Rows of 12 numbers: 3 words of 8 bits, 2 of 4, 1 of 2.
      assertEquals(tensorBytes(kept), 8 * { 32: 48, 16: 24, 8: 12, 4: 8, 2: 4 }[bits]);
    }
  });
}

Deno.test("a key has the same ranges and random bits in every program, whatever it stores first", () => {
  const policy = policyNamed("mesa8");
  /** What programs that store these tensors bind as estimates, and the streams of their random bits. */
  const stored = (...order: { name: string; as: SavedTensor }[]) => {
    const { builder, tensor, keep } = keeping(policy);
    for (const { name, as } of order) keep(tensor(name, 8, 24, as), as);
    const quantized = builder.build().dispatches.filter(({ kernel }) => kernel.label === "quantize");
    return quantized.map(({ bindings, parameters }) => [bindings[4].tensor, parameters.stream]);
  };
  const [norm, heads] = [{ name: "norm", as: saved }, { name: "qkv", as: qkv }];
  const [ofNorm, ofQkv] = stored(norm, heads);
  assertEquals([ofNorm[1], ofQkv[1]], [0, 1]);
  assertEquals(stored(heads, norm), [ofQkv, ofNorm]);
});

Deno.test("a key that comes back with other groups is refused", () => {
  const { tensor, keep } = keeping(policyNamed("mesa8"));
  keep(tensor("x", 8, 24, saved), saved, "x");
  assertThrows(
    () => keep(tensor("x", 8, 24, qkv), qkv, "x"),
    Error,
    "x has 6 groups here, and 3 in another program",
  );
});

Deno.test("in 32 bits without reuse, the first operator keeps the tensor itself and the others copies", () => {
  const { builder, tensor, keep } = keepingUnder({ bits: 32, reuse: false });
  const x = tensor("x", 8, 12, saved);
  const kept = [0, 1, 2].map((i) => keep(x, saved, `x ${i}`).tensor);
  assertEquals(kept[0], x);
  assertEquals(new Set(kept).size, 3);
  assertEquals(kept.map((tensor) => tensor.category), ["saved", "saved", "saved"]);
  assertEquals(builder.build().dispatches.length, 2);
});

Deno.test("in 32 bits a tensor that others may overwrite is copied", () => {
  const { builder, keep } = keepingUnder({ bits: 32 });
  const x = builder.tensor("residual stream", 8, 12, { category: "transient" });
  assert(keep(x, saved).tensor !== x);
});

Deno.test("rules choose by kind and by block how a tensor is stored", () => {
  const rules = [{ tensors: ["qkv"], bits: 4 }, { layers: [1, 1], bits: 16 }, {
    tensors: ["gelu"],
    bits: 32,
  }];
  const { tensor, keep } = keepingUnder({ rules });
  const dtype = (kind: SavedTensor["kind"], layer: number) => {
    const as = { ...saved, kind, layer };
    return keep(tensor("x", 8, 12, as), as, `${kind} ${layer}`).tensor.dtype;
  };
  assertEquals([0, 1, 2].map((layer) => dtype("linear", layer)), ["u8", "f16", "u8"]);
  assertEquals([0, 1, 2].map((layer) => dtype("qkv", layer)), ["u4", "f16", "u4"]);
  assertEquals([0, 1, 2].map((layer) => dtype("gelu", layer)), ["f32", "f32", "f32"]);
});

Deno.test("a range belongs to a tensor, a head or so many channels, of each of q, k and v", () => {
  const groups = (grouping: unknown, as: SavedTensor) => {
    const { policy, tensor, keep } = keepingUnder({ grouping });
    keep(tensor("x", 8, 24, as), as);
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
  const { tensor, keep } = keepingUnder({});
  const as = { ...saved, heads: 5 };
  assertThrows(
    () => keep(tensor("x", 8, 12, as), as),
    RangeError,
    "5 groups do not divide the 12 channels of x",
  );
  const grouped = { channels: 6 }, byToken = { grouping: { token_channels: 6 }, ranges: "current" };
  for (const fields of [{ grouping: grouped }, byToken]) {
    const chunks = keepingUnder(fields);
    assertThrows(
      () => chunks.keep(chunks.tensor("h.0 qkv", 8, 24, qkv), qkv), // 6 divides 24, but not each 8
      UserError,
      'Policy "mine": groups of 6 channels do not divide the 8 of h.0 qkv; ' +
        "give a divisor of them, or a rule with another grouping for qkv tensors",
    );
  }
});

Deno.test("More ranges of a token than a workgroup holds are refused, with the least channels that it would take", () => {
  const keptBy = (channels: number) => {
    const { tensor, keep } = keepingUnder({ grouping: { token_channels: channels }, ranges: "current" });
    return () => keep(tensor("h.0 wide", 8, 12288, saved), saved);
  };
  const refusal = assertThrows(
    keptBy(2),
    UserError,
    "a token of h.0 wide has 6144 ranges, of which a workgroup holds",
  );
  const [, least] = refusal.message.match(/give token_channels of at least (\d+)$/)!;
  keptBy(+least)();
  assertThrows(keptBy(+least - 1), UserError);
});

Deno.test("storing takes three dispatches, two under delayed ranges after the first run, and one by token", () => {
  const counts = (fields: Record<string, unknown>) => {
    const { builder, tensor, keep } = keepingUnder(fields);
    keep(tensor("x", 8, 12, saved), saved);
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
          policy.store(builder, input(`x ${i}`, rows, cols, values), saved, "x")
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

gpuTest("two stored copies of a tensor are rounded by bits of their own", async () => {
  await runTest(
    ({ builder, input }) => {
      const policy = policyNamed("mesa8-paper");
      const x: Tensor = input("x", 9, 12, normals(9 * 12, 1));
      return ["x", "x again"].map((key) => cheapToRead(builder, policy.store(builder, x, saved, key)).tensor);
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
      policyNamed("exact").store(builder, input("x", rows, cols, values), saved, "x").tensor,
    async (copy, read) => assertEquals(await read(copy), values),
  );
});
