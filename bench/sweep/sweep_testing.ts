import { type CellConfiguration, configuration } from "../results/results.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { profiles } from "./profiles.ts";

/** Models by name. */
export const models = (...names: string[]) => names.map(modelConfig);

/** A policy under another name. */
export const policy = (name: string) => ({ ...policyDocument("mesa8"), name });

/** A brief sweep of two policies. */
export const options = {
  ...profiles.smoke("software"),
  models: models("nano"),
  policies: ["A", "B"].map(policy),
  rounds: 2,
  steps: 2,
  qualitySteps: 7,
};

/** A cell as its process reads it, out of JSON. */
export const asTold = (cell: CellConfiguration) => configuration.parse(JSON.parse(JSON.stringify(cell)));

/** A process in a word. */
export const brief = ({ batch, policy, round, again }: CellConfiguration) =>
  `${batch} ${policy} ${round}${again ? " again" : ""}`;

/** A sweep of one batch at longer and longer sequences, as far as anything fits. */
export const growing = {
  ...options,
  sequences: [8, 16, 32, 64, 128],
  batches: [1],
  rounds: 1,
  qualitySteps: 0,
  growing: true,
};
