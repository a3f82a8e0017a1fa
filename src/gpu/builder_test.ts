import { assertEquals, assertThrows } from "@std/assert";
import { ProgramBuilder } from "./builder.ts";
import { typicalGpuLimits } from "./limits.ts";

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
