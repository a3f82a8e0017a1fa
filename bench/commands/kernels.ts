import { command, message, object, option, optional, string } from "@optique/core";
import { UserError } from "../../src/errors.ts";
import { gpuWith } from "../../src/gpu/builder.ts";
import { fullName, type Kernel } from "../../src/gpu/kernel.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { modelConfig, usualSequence } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { nearest } from "../../src/suggest.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { defaulted, model, policy, storageOptions, withStorageOptions } from "../options/options.ts";

const options = object({
  model: defaulted("--model", model, modelConfig("small"), message`The model whose step is looked at`),
  policy: defaulted("--policy", policy, policyDocument("mesa8"), message`The storage policy`),
  ...storageOptions,
  print: optional(
    option("--print", string({ metavar: "NAME" }), { description: message`Print a kernel's WGSL` }),
  ),
});
const brief = message`List the kernels of a training step on a GPU, or print one`;

export const kernels = command("kernels", options, { brief }).map((o) => () => {
  const step = {
    model: o.model,
    sequence: usualSequence(o.model),
    batch: 4,
    seed: 0,
    policy: withStorageOptions(o.policy, o),
  };
  const { dispatches } = describeStep(step, gpuWith(typicalGpuLimits));
  const uses = Map.groupBy(dispatches.map(({ kernel }) => kernel), fullName);
  console.log(o.print === undefined ? list(uses) : text(uses, o.print));
  return 0;
});

function list(uses: Map<string, Kernel[]>): string {
  return [...uses].map(([name, kernels]) => `${String(kernels.length).padStart(5)} × ${name}`).join("\n");
}

/** The WGSL of every kernel of that name, in all variants or in one: one product may be read through several operands. */
function text(uses: Map<string, Kernel[]>, name: string): string {
  const kernels = [...uses.values()].flat();
  const found = kernels.filter((kernel) => kernel.label === name || fullName(kernel) === name);
  if (found.length === 0) {
    const names = [...new Set(kernels.map(({ label }) => label))];
    const near = nearest(name, names);
    throw new UserError(
      `No kernel "${name}" in this step; ${near ? `did you mean "${near}"?` : `known: ${names.join(", ")}`}`,
    );
  }
  const distinct = new Map(found.map((kernel) => [kernel.code, kernel]));
  return [...distinct.values()].map((kernel) =>
    [
      `// ${fullName(kernel)}`,
      ...Object.entries(kernel.constants ?? {}).map(([key, value]) => `// ${key} = ${value}`),
      kernel.code.trim(),
    ].join("\n")
  ).join("\n\n");
}
