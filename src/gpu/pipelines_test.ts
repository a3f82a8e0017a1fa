import { assertEquals } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import type { Access, Dispatch } from "./kernel.ts";
import { pipelineFor } from "./pipelines.ts";

gpuTest(
  "pipelineFor() compiles a kernel once for each layout: what writes and what updates have the same",
  async () => {
    const gpu = { ...await testGpu(), pipelines: new Map() };
    const code = `
    @group(0) @binding(1) var<storage, read_write> x: array<f32>;
    @compute @workgroup_size(1) fn main() { x[0] = 1.0; }`;
    const bound = (access: Access) =>
      pipelineFor(gpu, {
        kernel: { label: "one", code },
        bindings: [{ group: 0, index: 1, access }],
      } as unknown as Dispatch);
    await Promise.all([bound("write"), bound("update")]);
    assertEquals(gpu.pipelines.size, 1);
    await bound("read").catch(() => {}); // its layout does not fit the text
    assertEquals(gpu.pipelines.size, 2);
  },
);
