import { assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../errors.ts";
import { matrixShape } from "./arithmetic.ts";
import { gpuWith, ProgramBuilder } from "./builder.ts";
import { typicalGpuLimits } from "./limits.ts";

const config = (M: number, N: number, K: number, componentType: string, resultComponentType: string) => ({
  ...{ M, N, K, componentType, resultComponentType },
});

Deno.test("matrixShape() takes the largest matrices of f16 that are summed in f32", () => {
  const others = [config(16, 16, 16, "f16", "f16"), config(16, 16, 32, "u8", "u32")];
  const ours = [
    config(16, 8, 8, "f16", "f32"),
    config(16, 16, 16, "f16", "f32"),
    config(16, 8, 16, "f16", "f32"),
  ];
  assertEquals(matrixShape([...others, ...ours]), { m: 16, n: 16, k: 16 });
  assertEquals(matrixShape(others), undefined);
  assertEquals(matrixShape([]), undefined);
});

Deno.test("ProgramBuilder refuses products in halves where subgroups multiply no matrices", () => {
  const { matrices, ...without } = gpuWith(typicalGpuLimits);
  for (const arithmetic of ["f16", "f16x3"] as const) {
    assertThrows(
      () => new ProgramBuilder("test", { ...without, arithmetic }),
      UserError,
      `Products in ${arithmetic} want`,
    );
    assertEquals(new ProgramBuilder("test", { ...without, matrices, arithmetic }).arithmetic, arithmetic);
  }
  assertEquals(new ProgramBuilder("test", without).arithmetic, "f32");
});
