import { argument, command, message, object, option, optional } from "@optique/core";
import { runBench } from "./run_bench.ts";
import { runKernelBench } from "../kernels/kernel_bench.ts";
import { renderAgain } from "./render.ts";
import { resumeBench } from "./resume_bench.ts";
import {
  dataOption,
  folder,
  imagesOption,
  maybe,
  requireGpuOption,
  seedOption,
  storageOptions,
  sweepOptions,
  variantOptions,
} from "../options/options.ts";
import { profiles } from "../sweep/profiles.ts";
import { jsonSchema } from "../results/run_header.ts";
import { modelJsonSchema } from "../../src/models/model_document.ts";
import { policyJsonSchema } from "../../src/storage/policy_document.ts";
import { size, whole, word } from "../options/value_parsers.ts";

const names = Object.keys(profiles);

export const options = object({
  named: optional(
    argument(word("PROFILE", [...names, "kernels"]), {
      description:
        message`The same as --profile, as in ${"bench parity"}; ${"kernels"}: time each kernel alone`,
    }),
  ),
  profile: maybe(
    "--profile",
    word("PROFILE", names),
    message`What to take for options left out`,
  ),
  ...sweepOptions,
  steps: maybe("--steps", whole(1), message`Timed steps of a process`),
  warmup: maybe("--warmup", whole(0), message`Steps before the timed ones`),
  rounds: maybe("--rounds", whole(1), message`How often each cell runs, the policies in turn`),
  qualitySteps: maybe(
    "--quality-steps",
    whole(0),
    message`Training steps before the validation loss; 0: none`,
  ),
  ...storageOptions,
  memory: maybe(
    "--memory",
    size,
    message`Bytes that a step's buffers may take by plan, in place of the device's memory, as in ${"8GiB"}`,
  ),
  seeds: maybe("--seeds", whole(1), message`Training runs for quality, each from a seed of its own`),
  seed: seedOption,
  gradientEvery: maybe(
    "--gradient-every",
    whole(0),
    message`Quality steps between comparisons of the gradient with exact's; 0: none`,
  ),
  data: dataOption,
  images: imagesOption,
  out: maybe("--out", folder, message`Report folder; left out, reports/DATE-ADAPTER`),
  timeout: maybe("--timeout", whole(1), message`Seconds that one process may take (600)`),
  requireGpu: requireGpuOption,
  ...variantOptions,
  profileStep: option("--profile-step", {
    description: message`Time each dispatch of a step instead, and tell them by operator`,
  }),
  resume: maybe(
    "--resume",
    folder,
    message`Go on with the sweep of a folder: run what has no record, failed or timed out`,
  ),
  render: maybe("--render", folder, message`Write a folder's report again, from its records, and end`),
  schema: option("--schema", { description: message`Print the JSON schema of results.jsonl and end` }),
  policySchema: option("--policy-schema", {
    description: message`Print the JSON schema of policy documents and end`,
  }),
  modelSchema: option("--model-schema", {
    description: message`Print the JSON schema of model documents and end`,
  }),
});
const brief = message`Sweep models, lengths, batches and policies; write a report`;

export const bench = command("bench", options, { brief, usageLine: [{ type: "ellipsis" }] }).map(
  ({ schema, policySchema, modelSchema, named, render, resume, ...o }) => async () => {
    if (resume) return await resumeBench(resume, o);
    if (render) return await renderAgain(render);
    const schemas = [
      [schema, jsonSchema],
      [policySchema, policyJsonSchema],
      [modelSchema, modelJsonSchema],
    ] as const;
    const [, wanted] = schemas.find(([asked]) => asked) ?? [];
    if (wanted) {
      console.log(JSON.stringify(wanted(), null, 2));
      return 0;
    }
    if (named === "kernels") return await runKernelBench(o);
    return await runBench({ ...o, profile: named ?? o.profile });
  },
);
