import type { TokenBatch } from "../../data/batches.ts";
import type { Family } from "../shared/family.ts";
import { gpt2Checkpoint } from "./checkpoint.ts";
import {
  checkGpt2,
  checkGpt2Sequence,
  type Gpt2Config,
  gpt2Defaults,
  gpt2Presets,
  gpt2Sizes,
  gpt2UsualSequence,
} from "./config.ts";
import { gpt2Golden } from "./golden.ts";
import { gpt2Parameters } from "./parameters.ts";

/** GPT-2 (Radford et al. 2019), as `transformers` builds it. */
export const gpt2: Family<Gpt2Config, TokenBatch> = {
  modelType: "gpt2",
  title: "a GPT-2",
  sizes: gpt2Sizes,
  defaults: gpt2Defaults,
  presets: gpt2Presets,
  aliases: { gpt2: gpt2Presets.small },
  choosesSequence: true,
  check: checkGpt2,
  checkSequence: checkGpt2Sequence,
  usualSequence: gpt2UsualSequence,
  input: ({ vocab }) => ({ kind: "text", vocab }),
  parameters: gpt2Parameters,
  checkpoint: gpt2Checkpoint,
  golden: gpt2Golden,
};
