import { UserError } from "../../errors.ts";
import type { NamedTensor } from "../../io/safetensors.ts";
import { blocksOf, headsOf, sameTensor, shapesOf } from "../shared/checkpoint_parameters.ts";
import { configBeside, type Settings } from "../shared/checkpoint_settings.ts";
import type { CheckpointFormat, NamedTensors, Sizes } from "../shared/family.ts";
import { type Gpt2Config, gpt2Defaults } from "./config.ts";

/**
 * GPT-2 as `transformers` saves it. The prefix `transformer.` may be missing; attention-mask buffers and a tied copy of the output head
 * are passed over. Heads and epsilon are what the file's metadata say, else what a `config.json` beside it says, whose model must compute
 * what GPT-2 does; else heads are taken to be 64 wide and the epsilon 1e-5, as in every GPT-2 that was published.
 */
export const gpt2Checkpoint: CheckpointFormat<Gpt2Config> = {
  recognises: (tensors) => ["wpe.weight", "transformer.wpe.weight"].some((name) => tensors.has(name)),
  canonical,
  async settings(path, metadata) {
    const { n_head, layer_norm_epsilon }: Record<string, unknown> = {
      ...await configBeside(path, metadata, beside),
      ...metadata,
    };
    return {
      ...n_head !== undefined && { heads: Number(n_head) },
      ...layer_norm_epsilon !== undefined && { layerNormEpsilon: Number(layer_norm_epsilon) },
    };
  },
  sizesFrom,
  metadata: ({ heads, layerNormEpsilon }) => ({
    n_head: `${heads}`,
    layer_norm_epsilon: `${layerNormEpsilon}`,
  }),
  config: ({ layers, width, heads, vocab, positions, layerNormEpsilon }) => ({
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    n_layer: layers,
    n_embd: width,
    n_head: heads,
    vocab_size: vocab,
    n_positions: positions,
    layer_norm_epsilon: layerNormEpsilon,
    activation_function: "gelu_new",
    tie_word_embeddings: true,
    ...{ attn_pdrop: 0, embd_pdrop: 0, resid_pdrop: 0 },
    // No token of a text is a sign to `transformers`, which otherwise takes 50256 for one.
    ...{ bos_token_id: null, eos_token_id: null },
    torch_dtype: "float32",
  }),
};

function sizesFrom(
  tensors: NamedTensors,
  source: string,
  { heads, layerNormEpsilon = gpt2Defaults.layerNormEpsilon }: Partial<Sizes<Gpt2Config>>,
): Sizes<Gpt2Config> {
  const shapeOf = shapesOf(tensors, "GPT-2", source);
  const [vocab, width] = shapeOf("transformer.wte.weight", 2);
  const [positions] = shapeOf("transformer.wpe.weight", 2);
  return {
    layers: blocksOf(tensors, "transformer.h"),
    width,
    heads: headsOf(width, heads, source),
    vocab,
    positions,
    layerNormEpsilon,
  };
}

/** The parameters under their full names: prefix added, buffers left out, the head resolved. */
function canonical(tensors: NamedTensors, source: string): Map<string, NamedTensor> {
  const parameters = new Map<string, NamedTensor>();
  for (const [given, tensor] of tensors) {
    const short = given.replace(/^transformer\./, "");
    if (/^h\.\d+\.attn\.(masked_)?bias$/.test(short)) continue; // the causal mask of older versions
    const name = short === "lm_head.weight" ? short : `transformer.${short}`;
    if (parameters.has(name)) {
      throw new UserError(`${source} holds "${short}" twice, with and without its prefix`);
    }
    parameters.set(name, tensor);
  }
  const head = parameters.get("lm_head.weight");
  const embedding = parameters.get("transformer.wte.weight");
  if (head) {
    // Of two names for one tensor, some programs keep the head's.
    if (!embedding) parameters.set("transformer.wte.weight", head);
    else if (!sameTensor(head, embedding)) {
      throw new UserError(
        `The output head "lm_head.weight" in ${source} differs from the word embedding; only models that tie the two can be loaded`,
      );
    }
    parameters.delete("lm_head.weight");
  }
  return parameters;
}

/** What a `config.json` is asked for. */
const beside: Settings = {
  title: "GPT-2",
  names: ["n_head", "layer_norm_epsilon"],
  computed: {
    activation_function: ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"], // three names of the tanh approximation
    scale_attn_weights: [true],
    scale_attn_by_inverse_layer_idx: [false],
    tie_word_embeddings: [true],
  },
};
