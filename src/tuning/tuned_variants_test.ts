import { assert, assertEquals, assertRejects } from "@std/assert";
import { matmul } from "../../kernels/products/matmul.ts";
import { matmulKey } from "../../kernels/products/matmul_choice.ts";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { UserError } from "../errors.ts";
import { builderOptionsFor, ProgramBuilder, type Variants } from "../gpu/builder.ts";
import type { Gpu } from "../gpu/device.ts";
import { plain } from "../gpu/operand.ts";
import { tunedVariants } from "./tuned_variants.ts";
import { tuningCase } from "./tuning_case.ts";

const heights = [64, 128];
const keys = heights.map((m) => matmulKey("nn", { m, n: 64, k: 64 }));

/** Programs of one product each, m×64 · 64×64. */
const products = (gpu: Gpu) =>
  heights.map((m) => (variants?: Variants) => {
    const builder = new ProgramBuilder("product", { ...builderOptionsFor(gpu), variants });
    const matrix = (name: string, rows: number) => builder.tensor(name, rows, 64, { category: "transient" });
    matmul(builder, "nn", plain(matrix("a", m)), plain(matrix("b", 64)), matrix("c", m));
    return builder.build();
  });

/** Calls with the path of a file that holds `text`, and of a folder for caches. */
async function withFile<T>(text: string, work: (path: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir();
  const before = Deno.env.get("XDG_CACHE_HOME");
  Deno.env.set("XDG_CACHE_HOME", folder);
  try {
    await Deno.writeTextFile(`${folder}/variants.json`, text);
    return await work(`${folder}/variants.json`);
  } finally {
    if (before === undefined) Deno.env.delete("XDG_CACHE_HOME");
    else Deno.env.set("XDG_CACHE_HOME", before);
    await Deno.remove(folder, { recursive: true });
  }
}

gpuTest("tunedVariants() gives each program what a file names of its own kernels", async () => {
  const gpu = await testGpu();
  const variants = Object.fromEntries(
    products(gpu).flatMap((describe) => Object.entries(describe().variants)),
  );
  assertEquals(Object.keys(variants), keys);
  const text = JSON.stringify({ $schema: "variants.schema.json", ...variants, "matmul nn 1×1×1": "unused" });
  await withFile(text, async (path) => {
    const chosen = await tunedVariants(gpu, products(gpu), { variants: path, noTune: false });
    assertEquals(chosen, keys.map((key) => ({ [key]: variants[key] })));
  });
});

gpuTest("tunedVariants() refuses a file that names none of the programs' kernels", async () => {
  const gpu = await testGpu();
  await withFile('{"matmul nn 1×1×1": "unused"}', async (path) => {
    const options = { variants: path, noTune: true };
    await assertRejects(() => tunedVariants(gpu, products(gpu), options), UserError, "names no kernel");
  });
});

gpuTest("tunedVariants() measures on a GPU, unless it is told not to", async () => {
  const gpu = await testGpu();
  if (!gpu.timestamps) return console.log("skipped: this adapter has no timestamps");
  const actor: Gpu = { ...gpu, adapter: { ...gpu.adapter, class: "gpu" } }; // the same kernels, only slowly
  await withFile("{}", async () => {
    assertEquals(await tunedVariants(actor, products(actor), { noTune: true }), [{}, {}]);
    const chosen = await tunedVariants(actor, products(actor), { noTune: false });
    for (const [i, key] of keys.entries()) {
      assertEquals(Object.keys(chosen[i]), [key]);
      assert(tuningCase(key, builderOptionsFor(actor)).candidates.includes(chosen[i][key]));
    }
  });
});
