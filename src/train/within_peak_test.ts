import { assert, assertEquals } from "@std/assert";
import { matmulKey, parseMatmulKey } from "../../kernels/products/matmul_choice.ts";
import { likelyChoices, mostSplits } from "../../kernels/products/matmul_table.ts";
import { variantName } from "../../kernels/products/matmul_variant.ts";
import { gpuWith, type ProgramDescription } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { modelConfig } from "../models/model_config.ts";
import { policyNames } from "../storage/policies.ts";
import { describeStep } from "./plan_training.ts";

const adapter = gpuWith(typicalGpuLimits);

/** Variants that cut every contraction of a step into so many parts. */
function inParts(keys: readonly string[], parts: number): Record<string, string> {
  return Object.fromEntries(keys.flatMap((key) => {
    const product = parseMatmulKey(key);
    if (!product) return [];
    const [{ variant }] = likelyChoices({ adapterClass: "gpu", subgroupSize: 32 }, product.sizes);
    return [[
      matmulKey(product.product, product.sizes),
      variantName(variant) + (parts > 1 ? `/${parts}` : ""),
    ]];
  }));
}

for (const policy of policyNames) {
  Deno.test(`No variant raises the live peak of a step under ${policy}, and some take parts below it`, () => {
    for (const [name, batch] of [["micro", 16], ["vit-nano", 8]] as const) {
      const model = modelConfig(name);
      const sequence = model.modelType === "gpt2" ? 256 : 65;
      const options = { model, sequence, batch, policy, seed: 0 };
      const keys = Object.keys(describeStep(options, adapter).variants);
      const step = (parts: number) => describeStep({ ...options, variants: inParts(keys, parts) }, adapter);
      const sums = ({ dispatches }: ProgramDescription) =>
        dispatches.filter(({ kernel }) => kernel.label === "sum_parts").length;
      const byTable = describeStep(options, adapter);
      for (const parts of [2, 8, mostSplits]) {
        const cut = step(parts);
        // A dispatch more, which adds up parts, has a uniform block of 256 bytes.
        const most = byTable.plan.livePeakBytes + 256 * (cut.dispatches.length - byTable.dispatches.length);
        assert(cut.plan.livePeakBytes <= most, `${name} in ${parts}: ${cut.plan.livePeakBytes} over ${most}`);
        assert(sums(cut) > 0, `${name} in ${parts}: nothing was cut into parts`);
      }
      assertEquals(sums(step(1)), 0);
    }
  });
}
