import { familyOf } from "../../src/models/families.ts";
import { stepDefaults } from "../../src/train/step_choices.ts";
import type { PlannedOptions } from "./lower_peak.ts";

/** Which sizes of a step can be told smaller: each rank needs some of what ranks share. */
function reducible({ model, sequence, batch, ...choices }: PlannedOptions) {
  const { ranks, spread } = { ...stepDefaults, ...choices };
  return {
    batch: batch > (spread === "batch" ? ranks : 1),
    sequence: familyOf(model).choosesSequence && sequence > (spread === "sequence" ? ranks : 1),
  };
}

const fewerPatches = "smaller images or larger patches";

/** What makes the largest tensors of a step smaller: "a smaller --batch or --sequence". */
export function smallerSizes(options: PlannedOptions): string {
  const can = reducible(options);
  const flags = [...can.batch ? ["--batch"] : [], ...can.sequence ? ["--sequence"] : []];
  const ways = [
    ...flags.length > 0 ? [`a smaller ${flags.join(" or ")}`] : [],
    ...familyOf(options.model).choosesSequence ? [] : [`a model of ${fewerPatches}`],
  ];
  return ways.length > 0 ? ways.join(", or ") : "a smaller model";
}

/** What still lowers the peak of a step whose other choices are all taken: "a smaller --sequence or model". */
export function smallerModel(options: PlannedOptions): string {
  if (!familyOf(options.model).choosesSequence) return `a smaller model, or one of ${fewerPatches}`;
  return reducible(options).sequence ? "a smaller --sequence or model" : "a smaller model";
}
