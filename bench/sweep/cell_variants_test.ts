import { assertEquals, assertRejects } from "@std/assert";
import { attentionKey } from "../../kernels/attention/attention_shape.ts";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { UserError } from "../../src/errors.ts";
import { loadData } from "../training/data.ts";
import { planSweep } from "./sweep.ts";
import { runCell } from "./cell.ts";
import { withVariants } from "./cell_variants.ts";

const cells = planSweep({
  models: [modelConfig("vit-nano")],
  sequences: [],
  batches: [2],
  steps: 1,
  warmup: 0,
  rounds: 1,
  policies: [policyDocument("exact")],
  qualitySteps: 0,
  seeds: 0,
  seed: 1,
  gradientEvery: 0,
});
const file = async (text: string) => {
  const path = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(path, text);
  return path;
};

gpuTest("a cell tells its variants, and takes them again from a file", async () => {
  const gpu = await testGpu();
  const data = await loadData(modelConfig("vit-nano"), {});
  const options = { requireGpu: false, noTune: true };
  assertEquals(await withVariants(cells, () => data, gpu.adapter, options), cells);
  const { measurement } = await runCell({ configuration: cells[0], paths: {}, requireGpu: false });
  const { status, message, program } = measurement;
  assertEquals(status, "ok", message ?? "");

  const path = await file(JSON.stringify({ ...program!.variants, "matmul nn 1×1×1": "unused" }));
  const [again] = await withVariants(cells, () => data, gpu.adapter, { ...options, variants: path });
  assertEquals(again.variants, program!.variants, "of the file, what the cell asks for");
  await Deno.remove(path);
});

gpuTest("withVariants() refuses files that do not fit, in one sentence that tells why", async () => {
  const data = await loadData(modelConfig("vit-nano"), {});
  const asked = attentionKey("forward", { batch: 2, heads: 4, sequence: 65, headSize: 32, causal: false });
  const gpu = await testGpu();
  for (
    const [text, says] of [
      ["{", "at line 1, column 2 the end stands where"],
      ['{"matmul nn 1×1×1": 3}', "give the variants.json of a report's folder"],
      ['{"matmul nn 1×1×1": "workgroup-64x64x16-4x4"}', "names no kernel of this run"],
      [JSON.stringify({ [asked]: "no such variant" }), `No variant "no such variant" of "${asked}"`],
    ]
  ) {
    const path = await file(text);
    const options = { requireGpu: false, noTune: false, variants: path };
    const error = await assertRejects(() => withVariants(cells, () => data, gpu.adapter, options), UserError);
    assertEquals(error.message.includes(says), true, error.message);
    await Deno.remove(path);
  }
});
