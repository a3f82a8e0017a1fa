/**
 * The JSON document of a storage policy: how each kind of saved tensor is kept, in every block or in ranges of them.
 *
 *     { "name": "mine", "bits": 4, "rules": [{ "tensors": ["layer_norm"], "bits": 8 }, { "layers": [0, 1], "bits": 16 }] }
 */

import { z } from "zod";
import { UserError } from "../errors.ts";
import { nearest } from "../suggest.ts";

/** Kinds of saved tensors. */
export const savedKinds = [
  "linear",
  "layer_norm",
  "gelu",
  "qkv",
  "probabilities",
  "logits",
  "output",
] as const;

/**
 * - `linear`: a linear layer's input, stored for its own sake;
 * - `layer_norm`: LayerNorm's normalised rows, or its input where nothing is reused; `gelu`: GELU's input;
 * - `qkv`: attention's queries, keys and values side by side; `output`: its output;
 * - `probabilities`, `logits`: output and input of attention's softmax, where attention is materialised.
 */
export type SavedKind = typeof savedKinds[number];

/** What a field must be, as the end of a sentence that begins with its name. */
const must = (what: string) => ({ error: `must be ${what}` });

const block = z.int(must("a block's number, from 0")).nonnegative(must("a block's number, from 0"));
const oneOfWords = <const Words extends readonly string[]>(words: Words) =>
  z.enum(words, must(words.map((word) => `"${word}"`).join(", ").replace(/, (?=[^,]*$)/, " or ")));

const storage = {
  bits: z.literal([32, 16, 8, 4, 2], must("32, 16, 8, 4 or 2")).describe(
    "bits of an element: 32 keeps the tensor itself, 16 half precision, fewer quantize to 2^bits levels",
  ),
  grouping: z.union([
    z.enum(["tensor", "head", "token"]),
    z.strictObject({
      channels: z.int(must("a positive whole number")).positive(must("a positive whole number")),
    }),
  ], must('"tensor", "head", "token" or {"channels": a positive whole number}')).describe(
    "what shares a range: a whole tensor, the channels of a head (equal chunks of channels where there are no heads), the channels of " +
      "a token, or so many neighbouring channels. Queries, keys and values are three tensors",
  ),
  rounding: oneOfWords(["stochastic", "nearest"]).describe(
    "stochastic rounding is unbiased; rounding to nearest has the smaller error",
  ),
  ranges: oneOfWords(["current", "running", "delayed"]).describe(
    "current: this batch's own; running: estimates that this batch advances before it is quantized; delayed: estimates of the batches " +
      "before it. A token's range is always current",
  ),
  lambda: z.number(must("a number from 0 to below 1")).nonnegative(must("a number from 0 to below 1"))
    .lt(1, must("a number from 0 to below 1")).describe(
      "share of the old estimate that running and delayed ranges keep with each batch",
    ),
};

/** How tensors are stored. With 16 bits or more only the bits count. */
export type TensorStorage = z.output<z.ZodObject<typeof storage>>;

/** Refuses what is no object, and fields that are not `known`. */
const only = (known: readonly string[]): { error: z.core.$ZodErrorMap } => ({
  error: (issue) => {
    if (issue.code !== "unrecognized_keys") return "must be a JSON object";
    const [key] = issue.keys as string[];
    const near = nearest(key, known);
    return `has the unknown field "${key}"; ` +
      (near ? `did you mean "${near}"?` : `known fields are ${known.join(", ")}`);
  },
});

const ruleFields = {
  tensors: z.array(oneOfWords(savedKinds), must("a list of kinds of tensors"))
    .nonempty(must("a list of at least one kind of tensors")).optional().describe(
      "kinds of tensors it holds for; all if left out",
    ),
  layers: z.tuple([block, block], must("[first, last], two blocks' numbers"))
    .refine(([first, last]) => first <= last, must("[first, last] with first ≤ last")).optional().describe(
      "first and last block it holds for, from 0; all if left out",
    ),
  bits: storage.bits.optional(),
  grouping: storage.grouping.optional(),
  rounding: storage.rounding.optional(),
  ranges: storage.ranges.optional(),
  lambda: storage.lambda.optional(),
};
const rule = z.strictObject(ruleFields, only(Object.keys(ruleFields)));

const policyFields = {
  name: z.string(must("given: the policy's name in tables and results"))
    .min(1, must("given: the policy's name in tables and results"))
    .describe("the policy's name in tables and results"),
  bits: storage.bits.default(8),
  grouping: storage.grouping.default("head"),
  rounding: storage.rounding.default("stochastic"),
  ranges: storage.ranges.default("running"),
  lambda: storage.lambda.default(0.9),
  attention: oneOfWords(["fused", "materialised"]).default("fused").describe(
    "fused: backward computes the probabilities again; materialised: probabilities are kept",
  ),
  reuse: z.boolean(must("true or false")).default(true).describe(
    "whether what is a function of a saved tensor is computed from it again; else every operator stores its own input",
  ),
  rules: z.array(rule, must("a list of rules")).default([]).describe(
    "exceptions, by kind of tensor and by block; later ones win",
  ),
};

const examples = [
  { name: "eight-bits" },
  { name: "mixed", bits: 4, rules: [{ tensors: ["layer_norm"], bits: 8 }, { layers: [0, 1], bits: 16 }] },
  { name: "by-token", grouping: "token", ranges: "current", rounding: "nearest" },
  { name: "chunks", grouping: { channels: 32 }, ranges: "delayed", lambda: 0.99 },
];

export const policySchema = z.strictObject(policyFields, only(Object.keys(policyFields))).meta({
  title: "Storage policy",
  description: "How a training step keeps activations from forward to backward",
  examples,
});

/** A policy with all defaults filled in. */
export type PolicyDocument = z.output<typeof policySchema>;

/** The JSON Schema of policy files. */
export const policyJsonSchema = () => z.toJSONSchema(policySchema, { io: "input" });

/**
 * The policy that a JSON value describes, with defaults for what it leaves out. `source` is what messages call it: a file's name. Throws a
 * UserError that names the field and what it must be.
 */
export function parsePolicy(json: unknown, source: string): PolicyDocument {
  const { data, error } = policySchema.safeParse(json);
  if (error) {
    const [{ path, message }] = error.issues;
    const field = path.map((key) => typeof key === "number" ? `[${key}]` : `.${String(key)}`).join("");
    throw new UserError(`${source}${field && `: ${field.slice(1)}`} ${message}`);
  }
  refuseContradictions(data, source);
  return data;
}

/** How a policy stores tensors of a kind in a block: its top level, and over it every rule that holds, in order. */
export function storageOf(
  document: PolicyDocument,
  { kind, layer }: { kind: SavedKind; layer: number },
): TensorStorage {
  const rules = document.rules.filter(({ tensors, layers }) =>
    (!tensors || tensors.includes(kind)) && (!layers || (layers[0] <= layer && layer <= layers[1]))
  );
  const { bits, grouping, rounding, ranges, lambda } = Object.assign({}, document, ...rules);
  return { bits, grouping, rounding, ranges, lambda };
}

/** Throws a UserError if tokens would need range estimates somewhere: each batch has its own. */
export function refuseContradictions(document: PolicyDocument, source: string): void {
  const layers = [0, ...document.rules.flatMap(({ layers }) => layers ? [layers[0], layers[1] + 1] : [])];
  for (const layer of layers) {
    for (const kind of savedKinds) {
      const { bits, grouping, ranges } = storageOf(document, { kind, layer });
      if (bits >= 16 || grouping !== "token" || ranges === "current") continue;
      throw new UserError(
        `${source}: ranges of ${kind} tensors in block ${layer} are "${ranges}" where grouping is "token"; ` +
          `set "ranges" to "current", the only ones that tokens have`,
      );
    }
  }
}
