import {
  float,
  type Message,
  message,
  multiple,
  option,
  optional,
  type ValueParser,
  withDefault,
} from "@optique/core";
import { path } from "@optique/run";
import { gpt2Config, gpt2Presets } from "../src/models/gpt2_config.ts";
import { policyNamed, policyNames } from "../src/storage/policies.ts";
import { list, whole, word } from "./value_parsers.ts";

type Flag = `--${string}`;

/** An option that may be left out. */
export const maybe = <T>(flag: Flag, value: ValueParser<"sync", T>, description: Message) =>
  optional(option(flag, value, { description }));

/** An option with a default. */
export const defaulted = <T>(flag: Flag, value: ValueParser<"sync", T>, fallback: T, description: Message) =>
  withDefault(option(flag, value, { description }), fallback);

/** An option with several values, separated by commas or given one by one; empty if left out. */
const several = <T>(flag: Flag, value: ValueParser<"sync", T>, description: Message) =>
  multiple(option(flag, list(value), { description })).map((lists) => [...new Set(lists.flat())]);

export const modelName = word("MODEL", Object.keys(gpt2Presets), gpt2Config);
export const policyName = word("POLICY", policyNames, policyNamed);
export const nonNegative = float({ min: 0, metavar: "X" });
export const file = path({ metavar: "FILE" });
export const newFile = path({ metavar: "FILE", type: "file", allowCreate: true });
export const folder = path({ metavar: "FOLDER" });

/** What `bench` and `plan` sweep over. */
export const sweepOptions = {
  models: several("--model", modelName, message`Models, with commas between them or one at a time`),
  sequences: several("--sequence", whole(1), message`Tokens of a sequence; each model has a usual length`),
  batches: several("--batch", whole(1), message`Sequences of a step`),
  policies: several("--policy", policyName, message`Storage policies, compared side by side`),
};

/** How a policy that stores bytes does it. */
export const storageOptions = {
  rounding: maybe(
    "--rounding",
    word("ROUNDING", ["stochastic", "nearest"] as const),
    message`Rounding to bytes`,
  ),
  ranges: maybe("--ranges", word("RANGES", ["running", "current"] as const), message`Ranges of stored bytes`),
};

export const dataOption = maybe(
  "--data",
  file,
  message`A text, or the tokens (.bin) of nanoGPT or llm.c; left out, what ${"deno types"} prints`,
);

export const seedOption = maybe("--seed", whole(0), message`Seed of parameters, batches and rounding`);

export const requireGpuOption = option("--require-gpu", {
  description: message`Fail where there is only a software adapter`,
});
