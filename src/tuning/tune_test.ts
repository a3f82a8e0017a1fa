import { assert, assertEquals, assertThrows } from "@std/assert";
import { matmulKey } from "../../kernels/products/matmul_choice.ts";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { builderOptionsFor, gpuWith, ProgramBuilder } from "../gpu/builder.ts";
import type { Gpu } from "../gpu/device.ts";
import { fullName } from "../gpu/kernel.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { cacheKey, readCache, writeCache } from "./cache.ts";
import { tune } from "./tune.ts";
import { tuningCase } from "./tuning_case.ts";

const key = matmulKey("nn", { m: 64, n: 128, k: 64 });

const own = await testGpu();

/** The adapter at hand in the part of a GPU: it runs the same kernels, only slowly. */
const gpu: Gpu = { ...own, adapter: { ...own.adapter, class: "gpu" } };

Deno.test("tuningCase() offers the table's choice first, and several for products and attention", () => {
  const adapter = gpuWith(typicalGpuLimits);
  for (const asked of [key, "attention_forward causal 4×12×1024×64", "attention_backward_key 8×3×197×64"]) {
    const { candidates } = tuningCase(asked, adapter);
    assert(candidates.length > 1, asked);
    assertEquals(new Set(candidates).size, candidates.length);
  }
  assertThrows(() => tuningCase("softmax 12", adapter), Error, 'No kernel is called "softmax 12"');
});

Deno.test("tuningCase() measures attention's own variants of long sequences on less work than makes a second", () => {
  const adapter = gpuWith(typicalGpuLimits);
  for (
    const asked of [
      "attention_forward 1×12×131072×64",
      "attention_backward_query causal 64×12×8192×64",
      "attention_backward_key causal 1×25×131073×64",
      "attention_backward_key causal 1×32:8×131072×128",
    ]
  ) {
    const { candidates, emit } = tuningCase(asked, adapter);
    for (const candidate of candidates) {
      const builder = new ProgramBuilder(asked, { ...adapter, variants: { [asked]: candidate } });
      emit(builder);
      const { dispatches, variants } = builder.build();
      assertEquals(variants, { [asked]: candidate });
      assertEquals(dispatches.map(({ kernel }) => fullName(kernel)), [`${asked.split(" ")[0]} ${candidate}`]);
      assert(dispatches[0].flops > 2e11 && dispatches[0].flops <= 1e12, `${dispatches[0].flops} flops`);
    }
  }
});

gpuTest("tune() remembers what it measured, and measures nothing that it remembers", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/variants.json`;
  try {
    const found = await tune(gpu, [key, key], "f32", path);
    const { candidates } = tuningCase(key, builderOptionsFor(gpu));
    assert(candidates.includes(found[key]));
    const cached = await cacheKey(gpu.adapter);
    assertEquals(await readCache(path, cached), found);

    const other = candidates.find((name) => name !== found[key])!;
    await writeCache(path, cached, { [key]: other });
    assertEquals(await tune(gpu, [key], "f32", path), { [key]: other });

    await writeCache(path, cached, { [key]: "a variant that is no more" });
    assert(candidates.includes((await tune(gpu, [key], "f32", path))[key]));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}, !gpu.timestamps && "this adapter has no timestamps");

gpuTest("tune() leaves an adapter alone that has one variant of each kernel", async () => {
  assertEquals(await tune(own, [key], undefined), {});
}, own.adapter.class === "gpu" && "this adapter has several");
