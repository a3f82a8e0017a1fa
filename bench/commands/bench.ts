import { command, message, object, option } from "@optique/core";
import { runBench } from "../bench.ts";
import {
  dataOption,
  folder,
  maybe,
  requireGpuOption,
  seedOption,
  storageOptions,
  sweepOptions,
} from "../options.ts";
import { profiles } from "../profiles.ts";
import { jsonSchema } from "../results.ts";
import { whole, word } from "../value_parsers.ts";

const options = object({
  profile: maybe(
    "--profile",
    word("PROFILE", Object.keys(profiles)),
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
  seed: seedOption,
  data: dataOption,
  out: maybe("--out", folder, message`Report folder; left out, reports/DATE-ADAPTER`),
  timeout: maybe("--timeout", whole(1), message`Seconds that one process may take (600)`),
  requireGpu: requireGpuOption,
  schema: option("--schema", { description: message`Print the JSON schema of results.jsonl and end` }),
});
const brief = message`Sweep models, lengths, batches and policies; write a report`;

export const bench = command("bench", options, { brief, usageLine: [{ type: "ellipsis" }] }).map(
  ({ schema, ...o }) => async () => {
    if (!schema) return await runBench(o);
    console.log(JSON.stringify(jsonSchema(), null, 2));
    return 0;
  },
);
