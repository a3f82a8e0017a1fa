import { assertEquals, assertThrows } from "@std/assert";
import { ProgramBuilder } from "./builder.ts";
import { typicalGpuLimits } from "./limits.ts";
import { plain } from "./operand.ts";
import { rowsOf, type Tensor } from "./tensor.ts";

const newBuilder = () => new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });

/** Appends a dispatch that binds nothing. */
function dispatch(builder: ProgramBuilder, label: string): void {
  builder.dispatch({
    kernel: { label, code: "" },
    bindings: [],
    parameters: {},
    workgroups: 1,
    flops: 0,
  });
}

const scopes = (builder: ProgramBuilder) =>
  builder.build().dispatches.map(({ kernel, operator, pass }) => [kernel.label, operator, pass]);

Deno.test("ProgramBuilder.within() gives what is dispatched its scope, where no inner one says otherwise", () => {
  const builder = newBuilder();
  dispatch(builder, "before");
  const result = builder.within({ pass: "forward" }, () => {
    dispatch(builder, "pass alone");
    builder.within({ operator: "linear" }, () => {
      dispatch(builder, "both");
      builder.within({ operator: "storage" }, () => dispatch(builder, "inner"));
      dispatch(builder, "both again");
    });
    dispatch(builder, "pass again");
    return 7;
  });
  dispatch(builder, "after");
  assertEquals(result, 7);
  assertEquals(scopes(builder), [
    ["before", undefined, undefined],
    ["pass alone", undefined, "forward"],
    ["both", "linear", "forward"],
    ["inner", "storage", "forward"],
    ["both again", "linear", "forward"],
    ["pass again", undefined, "forward"],
    ["after", undefined, undefined],
  ]);
});

Deno.test("ProgramBuilder.within() ends its scope when the work throws", () => {
  const builder = newBuilder();
  builder.within({ pass: "backward" }, () => {
    assertThrows(() =>
      builder.within({ operator: "gelu" }, () => {
        throw new RangeError("no");
      }), RangeError);
    dispatch(builder, "after");
  });
  assertEquals(scopes(builder), [["after", undefined, "backward"]]);
});

Deno.test("ProgramBuilder.build() leaves out what is recomputed for nobody, and what only that would read", () => {
  const builder = newBuilder();
  const tensor = (name: string) => builder.tensor(name, 128, 4, { category: "transient" });
  const [x, a, b, c, grad] = ["x", "a", "b", "c", "grad"].map(tensor);
  const step = (label: string, reads: Tensor, writes: Tensor, access: "write" | "update" = "write") =>
    builder.dispatch({
      kernel: { label, code: "" },
      bindings: [
        { group: 0, index: 1, tensor: reads, access: "read" },
        { group: 0, index: 2, tensor: writes, access },
      ],
      ...{ parameters: {}, workgroups: 1, flops: 0 },
    });
  step("forward, unread", x, c);
  builder.within({ pass: "recompute" }, () => {
    step("a", x, a);
    step("b, for c alone", a, b);
    step("c, unread", b, c);
    step("a, unread", x, a, "update");
    step("a, in part", x, rowsOf(a, 64, 64));
  });
  builder.within({ pass: "backward" }, () => step("reads rows of a", rowsOf(a, 0, 64), grad));
  const { dispatches, tensors } = builder.build();
  // An update after the last read would be wanted only if rows were told apart: what is read of a tensor is all of it.
  assertEquals(dispatches.map(({ kernel }) => kernel.label), [
    ...["forward, unread", "a", "a, unread", "a, in part", "reads rows of a"],
  ]);
  assertEquals(tensors, [x, c, a, grad]);
});

Deno.test("ProgramBuilder.build() lets a tensor live while rows of it are read or written", () => {
  const builder = newBuilder();
  const [x, y] = ["x", "y"].map((name) => builder.tensor(name, 128, 4, { category: "saved" }));
  const touch = (tensor: Tensor) =>
    builder.dispatch({
      kernel: { label: "touch", code: "" },
      bindings: [{ group: 0, index: 1, tensor, access: "update" }],
      ...{ parameters: {}, workgroups: 1, flops: 0 },
    });
  for (const each of [rowsOf(x, 0, 64), y, rowsOf(x, 64, 64)]) touch(each);
  const { tensors, plan } = builder.build();
  assertEquals(tensors, [x, y]);
  assertEquals(plan.liveAtPeak.saved, 2 * 128 * 16);
});

Deno.test("ProgramBuilder.carry() lets what an operand reads live on to the next dispatch", () => {
  const builder = newBuilder();
  const tensor = (name: string) => builder.tensor(name, 64, 4, { category: "saved" });
  const [kept, first, last] = ["kept", "first", "last"].map(tensor);
  const touch = (x: Tensor) =>
    builder.dispatch({
      kernel: { label: x.name, code: "" },
      bindings: [{ group: 0, index: 1, tensor: x, access: "write" }],
      parameters: {},
      workgroups: 1,
      flops: 0,
    });
  touch(kept);
  touch(first);
  builder.carry(plain(kept));
  touch(last);
  const { plan, dispatches } = builder.build();
  assertEquals(dispatches.map(({ carries }) => carries), [undefined, undefined, [kept]]);
  assertEquals(plan.liveAtPeak.saved, 2 * 64 * 16);
});

Deno.test("ProgramBuilder takes no more room than there is, together until a kernel asks that takes none over", () => {
  const builder = new ProgramBuilder("test", {
    limits: typicalGpuLimits,
    adapterClass: "gpu",
    spare: () => 100,
  });
  assertEquals([60, 60, 40].map((bytes) => builder.takeRoom(bytes)), [true, false, true]);
  assertEquals(builder.spare(0), 0);
  assertEquals(builder.takeRoom(100), true);
  assertEquals(builder.spare(0), 0);
  builder.withRoom(
    70,
    (has) => assertEquals([has, builder.takeRoom(40), builder.spare(0)], [true, false, 30]),
  );
  builder.withRoom(101, (has) => assertEquals([has, builder.spare(0)], [false, 100]));
});
