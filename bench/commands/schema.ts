import { argument, command, message, object, text } from "@optique/core";
import { z } from "zod";
import { modelJsonSchema } from "../../src/models/model_document.ts";
import { policyJsonSchema } from "../../src/storage/policy_document.ts";
import { printJson } from "../../src/text/print_json.ts";
import { verification } from "../../src/train/verify.ts";
import { variantsJsonSchema } from "../../src/tuning/variants_file.ts";
import { compared } from "../compare/forms.ts";
import { timesSummary } from "../kernels/times_summary.ts";
import { diagnosis } from "../machine/diagnosis.ts";
import { testsSummary } from "../machine/test_summary.ts";
import { word } from "../options/value_parsers.ts";
import { fits } from "../report/fit_tables.ts";
import { sweepSummary } from "../report/sweep_summary.ts";
import { resultsJsonSchema } from "../results/run_header.ts";
import { trained } from "../training/training_run.ts";
import { sweepDocument } from "./bench.ts";
import { checks } from "./check.ts";
import { kernelList } from "./kernels.ts";
import { plans } from "./plan.ts";
import { reports } from "./report.ts";
import { written } from "./render.ts";

/** What a command with `--json` prints, by the command's name. */
export const outputs = {
  bench: z.union([sweepSummary, timesSummary, written]).meta({ title: "What bench --json prints" }),
  train: trained,
  verify: verification,
  plan: plans,
  fit: fits,
  kernels: kernelList,
  doctor: diagnosis,
  report: reports,
  check: checks,
  compare: compared,
  merge: sweepSummary,
  summary: sweepSummary,
  test: testsSummary,
};

/** Every JSON Schema, by its name: of documents that are read, of results, and of what commands print. */
export const schemas: Record<string, () => object> = {
  model: modelJsonSchema,
  policy: policyJsonSchema,
  sweep: sweepDocument.jsonSchema,
  variants: variantsJsonSchema,
  results: resultsJsonSchema,
  ...Object.fromEntries(
    Object.entries(outputs).map(([name, schema]) => [name, () => z.toJSONSchema(schema, { io: "input" })]),
  ),
};

const options = object({
  name: argument(word("SCHEMA", Object.keys(schemas)), {
    description:
      message`Documents that are read (${"model"}, ${"policy"}, ${"sweep"}, ${"variants"}), a line of ${"results.jsonl"} (${"results"}), or the command whose ${"--json"} it is`,
    errors: {
      endOfInput: message`Expected the name of a schema: give one of ${
        text(Object.keys(schemas).join(", "))
      }`,
    },
  }),
});
const brief = message`Print a JSON Schema: of documents, of results, of what a command prints`;

export const schema = command("schema", options, { brief }).map(({ name }) => () => {
  printJson(schemas[name]());
  return 0;
});
