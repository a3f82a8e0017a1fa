import { assert } from "@std/assert";
import { gpuWith } from "../gpu/builder.ts";
import { fieldsOf } from "../gpu/fields.ts";
import { bindingBytes } from "../gpu/kernel.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { modelConfig } from "../models/model_config.ts";
import { policyDocument } from "../storage/policies.ts";
import { describeStep } from "./plan_training.ts";

/** The largest shapes that a step is held to: a residual stream of exactly 2 GiB, and queries, keys and values of up to 6 GiB. */
const sequence = 131_072;

for (const name of ["llama2-7b", "llama3-8b"]) {
  for (const policy of ["exact", "mst", "mst8"]) {
    Deno.test(`every binding of a step of ${name} at ${sequence} tokens under ${policy} is within a card's limits`, () => {
      const model = { ...modelConfig(name), positions: sequence };
      const { dispatches } = describeStep(
        { model, sequence, batch: 1, policy: policyDocument(policy), seed: 0 },
        gpuWith(typicalGpuLimits),
      );
      const { maxStorageBufferBindingSize, maxStorageBuffersPerShaderStage } = typicalGpuLimits;
      for (const { kernel, bindings, parameters } of dispatches) {
        assert(bindings.length <= maxStorageBuffersPerShaderStage, kernel.label);
        for (const binding of bindings) {
          const bytes = bindingBytes(binding);
          assert(bytes > 0 && bytes <= maxStorageBufferBindingSize, `${kernel.label} binds ${bytes} bytes`);
        }
        for (const { name, type } of fieldsOf(kernel.code, "Parameters")) {
          const value = parameters[name];
          const isWord = Number.isInteger(value) && value >= 0 && value < 2 ** 32;
          assert(type === "f32" || isWord, `${kernel.label}: ${name} is ${value}`);
        }
      }
    });
  }
}
