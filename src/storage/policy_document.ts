/**
 * The JSON document of a storage policy: how each kind of saved tensor is kept, in every block or in ranges of them.
 *
 *     { "name": "mine", "bits": 4, "rules": [{ "tensors": ["layer_norm"], "bits": 8 }, { "layers": [0, 1], "bits": 16 }] }
 */

import { z } from "zod";
import { UserError } from "../errors.ts";
import { documentJsonSchema, documentName, must, oneOfWords, only, parseDocument } from "../json_document.ts";

/** Kinds of saved tensors. */
export const savedKinds = [
  "linear",
  "layer_norm",
  "gelu",
  "qkv",
  "probabilities",
  "logits",
  "output",
  "block_input",
] as const;

/**
 * - `linear`: a linear layer's input, stored for its own sake;
 * - `layer_norm`: LayerNorm's normalised rows, or its input where nothing is reused; `gelu`: GELU's input;
 * - `qkv`: attention's queries, keys and values side by side; `output`: its output;
 * - `probabilities`, `logits`: output and input of attention's softmax, where attention is materialised;
 * - `block_input`: a block's input, kept instead of all these where the block is made again.
 */
export type SavedKind = typeof savedKinds[number];

const block = z.int(must("a block's number, from 0")).nonnegative(must("a block's number, from 0"));

const wholeNumber = z.int(must("a positive whole number")).positive(must("a positive whole number"));

const storage = {
  bits: z.literal([32, 16, 8, 4, 2], must("32, 16, 8, 4 or 2")).describe(
    "bits of an element: 32 keeps the tensor itself, 16 half precision, fewer quantize to 2^bits levels",
  ),
  grouping: z.union([
    z.enum(["tensor", "head", "token"]),
    z.strictObject({ channels: wholeNumber }),
    z.strictObject({ token_channels: wholeNumber }),
  ], must('"tensor", "head", "token", {"channels": N} or {"token_channels": N}, N a positive whole number'))
    .describe(
      "what shares a range: a whole tensor, the channels of a head (equal chunks of channels where there are no heads), the channels of " +
        "a token, so many neighbouring channels, or so many of one token. Queries, keys and values are three tensors",
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
  recompute: z.boolean(must("true or false")).describe(
    "whether tensors are made again in backward instead of kept. Of a block_input, or of all tensors: the whole block is, from its input. " +
      "Else of gelu (from the rows of the norm before it), qkv (likewise, and the output with it) and output (from qkv)",
  ),
};

/** How tensors are stored. With 16 bits or more only the bits count. */
export type TensorStorage = z.output<z.ZodObject<typeof storage>>;

const ruleFields = {
  tensors: z.array(oneOfWords(savedKinds), must("a list of kinds of tensors"))
    .nonempty(must("a list of at least one kind of tensors"))
    .refine((kinds) => new Set(kinds).size === kinds.length, must("a list that names each kind once"))
    .optional().describe(
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
  recompute: storage.recompute.optional(),
};
const rule = z.strictObject(ruleFields, only(Object.keys(ruleFields)));

const pieces = <const Words extends readonly string[]>(...words: Words) =>
  z.union(
    [z.enum(words), wholeNumber],
    must(`${words.map((word) => `"${word}"`).join(", ")} or a positive whole number of tokens`),
  );
const miniSequenceFields = {
  mlp: pieces("whole", "auto", "paper", "code").default("whole").describe(
    "tokens that go through an MLP at once, its inside made again piece by piece in backward. auto: 4096; paper: as many as channels; " +
      "code: 4096 by the sequences of a batch, at least 1024 (MST's paper and its authors' code)",
  ),
  head: pieces("auto", "paper", "code").default("auto").describe(
    "tokens that go through the language model's head at once. auto: as many as cost no memory; paper: as many pieces as the vocabulary " +
      "has more words than the model channels; code: 64 pieces",
  ),
  head_gradients: oneOfWords(["forward", "backward"]).default("forward").describe(
    "forward: a piece's gradients follow its loss at once; backward: they wait, and its logits are made again (MST)",
  ),
};
const miniSequences = z.strictObject(miniSequenceFields, only(Object.keys(miniSequenceFields)));

/** How rows are taken through the MLP and the head in pieces. */
export type MiniSequences = z.output<typeof miniSequences>;

/** Every cell's process is told all rules of its policy, and each block asks all of them. */
const mostRules = 256;

const policyFields = {
  name: documentName("policy"),
  bits: storage.bits.default(8),
  grouping: storage.grouping.default("head"),
  rounding: storage.rounding.default("stochastic"),
  ranges: storage.ranges.default("running"),
  lambda: storage.lambda.default(0.9),
  recompute: storage.recompute.default(false),
  attention: oneOfWords(["fused", "materialised"]).default("fused").describe(
    "fused: backward computes the probabilities again; materialised: probabilities are kept",
  ),
  reuse: z.boolean(must("true or false")).default(true).describe(
    "whether what is a function of a saved tensor is computed from it again; else every operator stores its own input",
  ),
  mini_sequences: miniSequences.prefault({}).describe(
    "the pieces in which rows are taken through what is widest. A piece is rounded up to a multiple of 64 tokens",
  ),
  rules: z.array(rule, must("a list of rules")).max(mostRules, must(`at most ${mostRules} rules`)).default([])
    .describe(
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
export const policyJsonSchema = () => documentJsonSchema(policySchema);

/**
 * The policy that a JSON value describes, with defaults for what it leaves out. `source` is what messages call it: a file's name. Throws a
 * UserError that names the field and what it must be.
 */
export function parsePolicy(json: unknown, source: string): PolicyDocument {
  const document = parseDocument(policySchema, json, source);
  refusePolicy(document, source);
  return document;
}

/** Whether a rule holds for tensors of a kind in a block. */
export const holdsFor = (
  { tensors, layers }: PolicyDocument["rules"][number],
  { kind, layer }: { kind: SavedKind; layer: number },
): boolean => (!tensors || tensors.includes(kind)) && (!layers || (layers[0] <= layer && layer <= layers[1]));

/** A sentence for rules of a policy that hold for nothing which is kept; none where there are none. */
export function idleRulesNote(name: string, idle: readonly number[]): string[] {
  if (idle.length === 0) return [];
  const [hold, them] = idle.length === 1 ? ["holds", "it"] : ["hold", "them"];
  const rules = idle.map((i) => `rules[${i}]`).join(" and ");
  return [
    `Of policy "${name}" ${rules} ${hold} for no tensor that is kept here: change ${them}, or leave ${them} out`,
  ];
}

/** How a policy stores tensors of a kind in a block: its top level, and over it every rule that holds, in order. */
export function storageOf(
  document: PolicyDocument,
  saved: { kind: SavedKind; layer: number },
): TensorStorage {
  const rules = document.rules.filter((rule) => holdsFor(rule, saved));
  const { bits, grouping, rounding, ranges, lambda, recompute } = Object.assign({}, document, ...rules);
  return { bits, grouping, rounding, ranges, lambda, recompute };
}

/** Tensors that backward can make again by themselves, without the rest of their block. */
const remade: readonly SavedKind[] = ["gelu", "qkv", "output"];

/**
 * Whether a tensor of a kind in a block is made again rather than kept; of a `block_input`, whether all of its block is. In a block that is
 * made again nothing else is, but what an MLP computes in pieces.
 */
export function recomputes(
  document: PolicyDocument,
  { kind, layer }: { kind: SavedKind; layer: number },
): boolean {
  if (kind === "gelu" && document.mini_sequences.mlp !== "whole") return true;
  const wholeBlock = storageOf(document, { kind: "block_input", layer }).recompute;
  if (kind === "block_input") return wholeBlock;
  return remade.includes(kind) && !wholeBlock && storageOf(document, { kind, layer }).recompute;
}

/** Throws a UserError where fields contradict each other: it names what to change. */
export function refusePolicy(document: PolicyDocument, source: string): void {
  const { rules, reuse, attention, mini_sequences: { mlp } } = document;
  rules.forEach(({ tensors, recompute }, i) => {
    const stays = recompute && tensors?.find((kind) => kind !== "block_input" && !remade.includes(kind));
    if (!stays) return;
    throw new UserError(
      `${source}: rules[${i}] recomputes ${stays} tensors, to which there is no way back but the whole block: ` +
        `recompute ${remade.join(", ")} or block_input, or name no tensors for whole blocks`,
    );
  });
  if (!reuse && mlp !== "whole") {
    throw new UserError(
      `${source}: an MLP in pieces makes its inside again from what is saved already; set "reuse" to true, or mini_sequences.mlp to "whole"`,
    );
  }
  const layers = [0, ...rules.flatMap(({ layers }) => layers ? [layers[0], layers[1] + 1] : [])];
  for (const layer of layers) {
    for (const kind of savedKinds) {
      const { bits, grouping, ranges } = storageOf(document, { kind, layer });
      const byToken = grouping === "token" || typeof grouping === "object" && "token_channels" in grouping;
      if (bits < 16 && byToken && ranges !== "current") {
        throw new UserError(
          `${source}: ranges of ${kind} tensors in block ${layer} are "${ranges}" where grouping is by token; ` +
            `set "ranges" to "current", the only ones that tokens have`,
        );
      }
      if (kind === "block_input" || !recomputes(document, { kind, layer })) continue;
      if (!reuse) {
        throw new UserError(
          `${source}: ${kind} tensors in block ${layer} are made again from what is saved already; set "reuse" to true, ` +
            `or recompute whole blocks`,
        );
      }
      if (kind !== "gelu" && attention === "materialised") {
        throw new UserError(
          `${source}: ${kind} tensors in block ${layer} are made again by fused attention; set "attention" to "fused", ` +
            `or recompute whole blocks`,
        );
      }
    }
  }
}
