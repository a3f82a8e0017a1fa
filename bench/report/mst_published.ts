import { list } from "./words.ts";

/**
 * Longest sequences that MST's authors report on an A100 of 80 GB, in thousands of tokens, by the policy here that does as theirs
 * (arXiv 2407.15892, github.com/wdlctc/mini-s).
 */
export const published: Record<string, Record<string, number>> = {
  "llama2-7b": { exact: 7, recompute: 45, mst: 84 },
  "llama3-8b": { exact: 5, recompute: 14, mst: 60 },
};

/** What they kept weights and moments in, as a row's states are told. */
export const publishedStates = "MST, published: bf16";

/** "MST's authors report 84 K of llama2-7b, on one A100 of 80 GB."; null where no model has a figure. */
export function publishedSentence(models: readonly string[]): string | null {
  const told = [...new Set(models)].flatMap((model) =>
    published[model] ? [`${published[model].mst} K of ${model}`] : []
  );
  return told.length > 0
    ? `MST's authors report ${
      list(told)
    }, on one A100 of 80 GB with weights, moments and activations in bf16.`
    : null;
}

const differences = [
  "**Source**: Luo et al., [arXiv 2407.15892](https://arxiv.org/abs/2407.15892), on one A100 of 80 GB at batch 1. 60 K and 84 K stand in the " +
  "authors' repository (wdlctc/mini-s), too; 5 K and 14 K agree with what it says of them, a twelfth and a quarter of 60 K; 7 K and 45 K are " +
  "quoted from the paper and were not checked.",
  "**Arithmetic**: theirs is bf16 throughout, activations too. Here what passes from operator to operator is f32, whatever products compute in.",
  "**Block inputs**: theirs are kept in bf16; under `recompute` and `mst` here in f32, twice the bytes, under `mst8` in 8 bits, half of them.",
  "**States**: theirs are bf16 weights without a copy in f32, bf16 moments, and one Adam for each parameter, run in backward; so is the row of " +
  "bf16 weights and bf16 moments, of which matrices alone are in bf16 and are rounded at random when they are updated.",
  "**Attention**: fused on both sides. Here q, k and v of a block are one f32 tensor of all tokens.",
  "**Head**: logits exist in pieces under every policy here; of theirs in pieces under MST alone, so `recompute` reaches further here.",
  "**Pieces**: theirs have max(4096 / batch, 1024) tokens in the MLP, and the head has 64; here 4096 tokens, and as many rows of the head as " +
  "fit into memory that is needed anyway.",
  "**Memory**: theirs is what PyTorch's allocator gets of the card; here all buffers of a step, uniforms included.",
];

const later = [
  "**StreamBP** ([arXiv 2506.03077](https://arxiv.org/abs/2506.03077)): 72 K tokens with 8 billion parameters on 80 GB, forward and backward " +
  "alone, without the optimizer's state (a figure told by others; its abstract says 2.8 to 5.5 times the length of checkpointing).",
  "**ALST** ([arXiv 2506.13996](https://arxiv.org/abs/2506.13996)): 500 K tokens of Llama 8B on one H100, with weights and the optimizer's state " +
  "in the host's memory.",
  "**OOMB** ([arXiv 2602.02108](https://arxiv.org/abs/2602.02108)): 4 M tokens of Qwen2.5-7B on one H200, with keys, values and their gradients " +
  "in the host's memory and sparse attention, whose gradients are not those of all tokens.",
];

const bullets = (lines: readonly string[]) => lines.map((line) => `- ${line}`).join("\n");

/** What differs from the published figures, and what later systems reach under which conditions; null where no model has any. */
export function besidePublished(models: readonly string[]): string | null {
  const theirs = [...new Set(models)].filter((model) => published[model]);
  if (theirs.length === 0) return null;
  return [
    `What differs from the published figures of ${list(theirs)}:`,
    bullets(differences),
    "Later systems, each under conditions of its own, as their authors report:",
    bullets(later),
  ].join("\n\n");
}
