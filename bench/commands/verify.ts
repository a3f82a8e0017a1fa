import { argument, command, message, object } from "@optique/core";
import { withGpu } from "../../src/gpu/device.ts";
import { requireWritable } from "../../src/io/files.ts";
import { writeSafetensors } from "../../src/io/safetensors.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { printJson } from "../../src/text/print_json.ts";
import { verifyCase } from "../../src/train/verify.ts";
import {
  adapterOptions,
  arithmeticOption,
  defaulted,
  file,
  folder,
  jsonOption,
  maybe,
  policy,
} from "../options/options.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { renderVerification } from "../report/verification.ts";

const options = object({
  folder: argument(folder, {
    description: message`Weights, batches, gradients and losses of a reference`,
    errors: {
      endOfInput:
        message`Expected a folder: give a reference case, such as ${"src/models/testdata/vit-small"}`,
    },
  }),
  policy: defaulted("--policy", policy, policyDocument("exact"), message`Storage policy`),
  arithmetic: arithmeticOption,
  json: jsonOption,
  writeGradients: maybe(
    "--write-grads",
    file,
    message`Save the gradients of the first step (.safetensors)`,
  ),
  ...adapterOptions,
});
const brief = message`Compare losses and gradients with a reference case`;

export const verify = command("verify", options, { brief }).map((o) => async () => {
  if (o.writeGradients) await requireWritable(o.writeGradients);
  await ensureAdapterEnvironment(o);
  const { gradients, ...report } = await withGpu(o, (gpu) => verifyCase(gpu, o.folder, o));
  if (o.writeGradients) await writeSafetensors(o.writeGradients, gradients);
  if (o.json) printJson(report);
  else console.log(renderVerification(report));
  return report.pass ? 0 : 1;
});
