import { assertEquals } from "@std/assert";
import { type BuilderOptions, ProgramBuilder } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { plain } from "../gpu/operand.ts";
import { policyNamed } from "../storage/testing.ts";
import { layerNorm } from "./layer_norm.ts";
import { ParameterSet, parameterShapes } from "./parameters.ts";
import { Tape } from "./tape.ts";

/** For each dispatch of column_sums in backward, emitted `times`, whether it adds to what is there. */
function sums(
  rows: number,
  { cols = 128, maxBufferSize = typicalGpuLimits.maxBufferSize, times = 1, accumulate = false } = {},
): boolean[] {
  const options: BuilderOptions = { limits: typicalGpuLimits, adapterClass: "gpu" };
  const builder = new ProgramBuilder("test", options);
  const tape = Tape.training(builder, policyNamed("mesa8"), { accumulate });
  const parameters = new ParameterSet(parameterShapes("all").norm("norm", cols), { maxBufferSize });
  const [gamma, beta] = parameters.all;
  const backwards = Array.from({ length: times }, (_, i) => {
    const layer = layerNorm({ gamma, beta }, {
      ...{ name: `norm ${i}`, epsilon: 1e-5, place: { layer: 0, heads: 1 } },
    });
    return layer(tape, { exact: plain(tape.transient("x", rows, cols)) }).backward;
  });
  for (const backward of backwards) backward(tape.transient("dy", rows, cols));
  const { dispatches } = builder.build();
  return dispatches.filter(({ kernel }) => kernel.label === "column_sums").map((d) =>
    d.bindings.some(({ access }) => access === "update")
  );
}

Deno.test("A LayerNorm's backward sums for gamma and beta in one dispatch up to 512 rows, and in two beyond", () => {
  for (const cols of [3, 101, 128]) {
    assertEquals(sums(512, { cols }).length, 1);
    assertEquals(sums(513, { cols }).length, 2);
    assertEquals(sums(16384, { cols }).length, 2);
  }
});

Deno.test("A LayerNorm's backward sums as well where gamma's and beta's gradients lie in two buffers", () => {
  assertEquals(sums(512, { maxBufferSize: 512 }).length, 1);
  assertEquals(sums(513, { maxBufferSize: 512 }).length, 2);
});

Deno.test("A LayerNorm's backward adds to both gradients where they hold some already", () => {
  assertEquals(sums(513, { times: 2 }), [false, false, false, true]);
  assertEquals(sums(513, { accumulate: true }), [false, true]);
  assertEquals(sums(512, { times: 2, maxBufferSize: 512 }), [false, true]);
});
