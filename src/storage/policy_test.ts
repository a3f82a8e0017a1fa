import { assert, assertEquals, assertThrows } from "@std/assert";
import { cheapToRead } from "../../kernels/materialize.ts";
import { gpuTest, normals, runTest } from "../../kernels/testing.ts";
import { UserError } from "../errors.ts";
import { ProgramBuilder } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { policyNamed, policyNames } from "./policies.ts";
import { Savings } from "./policy.ts";

function newBuilder(): ProgramBuilder {
  return new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
}

Deno.test("policyNamed() knows exact, half and mesa8, and gives each caller a policy of its own", () => {
  assertEquals(policyNames, ["exact", "half", "mesa8"]);
  for (const name of policyNames) {
    assertEquals(policyNamed(name).name, name);
    assert(policyNamed(name) !== policyNamed(name));
  }
});

Deno.test("policyNamed() names the nearest policy where there is none of that name", () => {
  const error = assertThrows(() => policyNamed("mesa-8"), UserError);
  assert(error.message.includes(`did you mean "mesa8"`), error.message);
});

for (const name of policyNames) {
  Deno.test(`Savings.save() stores a tensor once under ${name}, however many operators save it`, () => {
    const builder = newBuilder();
    const policy = policyNamed(name);
    const savings = new Savings(builder, policy);
    const [x, y] = ["x", "y"].map((title) => savings.tensor(title, 8, 12));
    const operand = savings.save(x, { groups: 3 });
    const { dispatches } = builder.build();
    const stored = dispatches.length;
    assert(savings.save(x, { groups: 3 }) === operand);
    assert(savings.save(x, { groups: 1 }) === operand, "who saves first chooses the groups");
    assertEquals(dispatches.length, stored);
    assert(savings.save(y, { groups: 3 }) !== operand);
    assertEquals(dispatches.length, 2 * stored);
    assertEquals(policy.clipCounters.length, name === "mesa8" ? 2 : 0);
  });

  Deno.test(`${name} books what it keeps as saved, and the tensor that it keeps in other form as transient`, () => {
    const builder = newBuilder();
    const savings = new Savings(builder, policyNamed(name));
    const x = savings.tensor("x", 8, 12);
    const kept = savings.save(x, { groups: 3 }).tensor;
    assertEquals(kept.category, "saved");
    assertEquals(x.category, kept === x ? "saved" : "transient");
    assertEquals([kept.rows, kept.cols], [8, 12]);
  });
}

Deno.test("mesa8 refuses groups that do not divide the channels", () => {
  const savings = new Savings(newBuilder(), policyNamed("mesa8"));
  assertThrows(
    () => savings.save(savings.tensor("x", 8, 12), { groups: 5 }),
    RangeError,
    "5 groups do not divide the 12 channels of x",
  );
});

gpuTest(
  "mesa8 keeps the tables of a stored tensor though a second forward advances the same estimates",
  async () => {
    const [rows, cols, groups] = [9, 12, 3];
    const first = normals(rows * cols, 1);
    const second = normals(rows * cols, 2).map((value) => Math.fround(5 + 3 * value));
    await runTest(({ builder, input }) => {
      const policy = policyNamed("mesa8", { rounding: "nearest" });
      // Two forwards of one program, as gradient accumulation has them: the same estimates, the first backward still to come.
      const [a, b] = [first, second].map((values, i) =>
        new Savings(builder, policy).save(input(`x ${i}`, rows, cols, values), { groups })
      );
      assertEquals(policy.clipCounters.length, 1);
      return { a: cheapToRead(builder, a).tensor, b: cheapToRead(builder, b).tensor };
    }, async ({ a, b }, read) => {
      const range = (values: Float64Array) => Math.max(...values) - Math.min(...values);
      const largestError = (found: Float64Array, values: Float64Array) =>
        Math.max(...found.map((value, i) => Math.abs(value - values[i])));
      assert(
        largestError(await read(a), first) <= 0.5001 * range(first) / 255,
        "the first tensor was disturbed",
      );
      // The estimates have moved a tenth of the way to the second batch, so its large values are clipped.
      assert(largestError(await read(b), second) > range(second) / 255, "the second forward began anew");
    }, { adapterClass: "software" });
  },
);
