import { command, message, object, option, optional, string } from "@optique/core";
import { z } from "zod";
import { type Runtime, runtimes } from "../../src/adapter/runtime.ts";
import { UserError } from "../../src/errors.ts";
import { gpuWith } from "../../src/gpu/builder.ts";
import { fullName, type Kernel } from "../../src/gpu/kernel.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { prelude } from "../../src/gpu/prelude.ts";
import { modelConfig, usualSequence } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { nearest } from "../../src/suggest.ts";
import { printJson } from "../../src/text/print_json.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { unusual } from "../../src/train/step_choices.ts";
import {
  allWithStorageOptions,
  defaulted,
  jsonOption,
  model,
  policy,
  stepOptions,
  storageOptions,
} from "../options/options.ts";
import { word } from "../options/value_parsers.ts";

const options = object({
  model: defaulted("--model", model, modelConfig("small"), message`The model whose step is looked at`),
  policy: defaulted("--policy", policy, policyDocument("mesa8"), message`The storage policy`),
  ...storageOptions,
  ...stepOptions,
  print: optional(
    option("--print", string({ metavar: "NAME" }), { description: message`Print a kernel's WGSL` }),
  ),
  runtime: defaulted(
    "--runtime",
    word("RUNTIME", runtimes),
    "native",
    message`Whose WGSL is printed: ${"dawn"}'s opens with what it is to enable`,
  ),
  json: jsonOption,
});
const brief = message`List the kernels of a training step on a GPU, or print one`;

export const kernels = command("kernels", options, { brief }).map((o) => () => {
  const step = {
    model: o.model,
    sequence: usualSequence(o.model),
    batch: 4,
    seed: 0,
    policy: allWithStorageOptions([o.policy], o)[0],
    ...unusual(o),
  };
  const { matrices, ...adapter } = gpuWith(typicalGpuLimits);
  // Subgroup matrices are Dawn's alone.
  const { dispatches } = describeStep(step, { ...adapter, ...o.runtime === "dawn" && { matrices } });
  const all = dispatches.map(({ kernel }) => ({
    ...kernel,
    code: withPrelude(o.runtime, kernel.code),
  }));
  const kernels = o.print === undefined ? all : named(all, o.print);
  if (o.json) printJson(distinct(kernels) satisfies z.infer<typeof kernelList>);
  else console.log(o.print === undefined ? list(kernels) : distinct(kernels).map(text).join("\n\n"));
  return 0;
});

const kernelUse = z.object({
  name: z.string().describe("with its variant, where it has several"),
  dispatches: z.int().positive().describe("of the step, of this very text"),
  constants: z.record(z.string(), z.number()),
  code: z.string().describe("WGSL"),
});

/** What `kernels --json` prints. */
export const kernelList = z.array(kernelUse).meta({ title: "Kernels of a training step" });

/** Kernels by their text: one product may be read through several operands. */
function distinct(kernels: readonly Kernel[]): z.infer<typeof kernelList> {
  return [...Map.groupBy(kernels, ({ code }) => code).values()].map((uses) => ({
    name: fullName(uses[0]),
    dispatches: uses.length,
    constants: { ...uses[0].constants },
    code: uses[0].code,
  }));
}

function list(kernels: readonly Kernel[]): string {
  const uses = [...Map.groupBy(kernels, fullName)];
  return uses.map(([name, kernels]) => `${String(kernels.length).padStart(5)} × ${name}`).join("\n");
}

function withPrelude(runtime: Runtime, code: string): string {
  const opening = prelude(runtime, code);
  return opening ? `${opening}\n${code}` : code;
}

/** Every kernel of that name, in all variants or in one. Throws a UserError with the nearest name if there is none. */
function named(kernels: readonly Kernel[], name: string): Kernel[] {
  const found = kernels.filter((kernel) => kernel.label === name || fullName(kernel) === name);
  if (found.length > 0) return found;
  const names = [...new Set(kernels.map(({ label }) => label))];
  const near = nearest(name, names);
  throw new UserError(
    `No kernel "${name}" in this step; ${near ? `did you mean "${near}"?` : `known: ${names.join(", ")}`}`,
  );
}

function text({ name, constants, code }: z.infer<typeof kernelUse>): string {
  const values = Object.entries(constants).map(([key, value]) => `// ${key} = ${value}`);
  return [`// ${name}`, ...values, code.trim()].join("\n");
}
