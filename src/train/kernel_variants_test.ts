import { assertEquals } from "@std/assert";
import type { Dispatch, Kernel } from "../gpu/kernel.ts";
import { kernelVariants } from "./kernel_variants.ts";

Deno.test("kernelVariants() counts the dispatches of each variant, and leaves out kernels that have none", () => {
  const dispatch = (label: string, variant?: string): Dispatch => {
    const kernel: Kernel = { label, variant, code: "" };
    return { kernel, bindings: [], parameters: {}, workgroups: 1, flops: 0 };
  };
  const dispatches = [
    dispatch("matmul_nn", "large"),
    dispatch("gelu"),
    dispatch("matmul_nt", "large"),
    dispatch("matmul_nn", "small"),
    dispatch("matmul_nn", "large"),
  ];
  assertEquals(kernelVariants({ dispatches }), { matmul_nn: "large ×2, small ×1", matmul_nt: "large ×1" });
});
