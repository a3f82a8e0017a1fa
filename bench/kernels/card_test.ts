import { assert, assertEquals } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { measureCard } from "./card.ts";

gpuTest("measureCard() finds rates and memory of the adapter at hand", async () => {
  const gpu = await testGpu();
  const { flops, bytes, memory, builder } = await measureCard(gpu);
  for (const found of [flops, bytes, memory]) assert(Number.isFinite(found) && found > 0);
  assert(memory >= 2 ** 20 && flops < 1e15 && bytes < 1e14);
  assertEquals(builder!.adapterClass, gpu.adapter.class);
});
