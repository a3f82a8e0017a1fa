import { rotaryFrequencies } from "../../../kernels/embedding/rotary_frequencies.ts";
import { block, blocks, type BlockShape, chunksOf } from "../../nn/block.ts";
import { sequence as inSequence } from "../../nn/layer.ts";
import { layerNorm } from "../../nn/layer_norm.ts";
import type { ParameterSet } from "../../nn/parameters.ts";
import { embedding, type LanguageModel } from "../shared/language_model.ts";
import { type LlamaConfig, rotaryOf } from "./config.ts";

/** The embedding, all blocks and the final RMSNorm; the head is the word embedding, or one of its own. */
export function llamaModel(config: LlamaConfig, parameters: ParameterSet): LanguageModel {
  const { layers, width, heads, keyHeads, headSize, normEpsilon: epsilon } = config;
  const norm = (name: string) => ({ gamma: parameters.get(`${name}.weight`) });
  const linear = (name: string) => ({ weight: parameters.get(`${name}.weight`) });
  const words = parameters.get("model.embed_tokens.weight");
  return {
    head: config.tiedHead ? words : parameters.get("lm_head.weight"),
    trunk(tokens, of) {
      const shape: BlockShape = {
        ...of,
        ...{ heads, keyHeads, headSize, causal: true, epsilon },
        norm: "rms",
        activation: "swiglu",
        rotary: rotaryFrequencies(rotaryOf(config)),
      };
      const blockOf = (layer: number) => {
        const name = `model.layers.${layer}`;
        const names = {
          block: name,
          norm1: `${name}.input_layernorm`,
          norm2: `${name}.post_attention_layernorm`,
        };
        return block(names, layer, {
          norm1: norm(names.norm1),
          qkv: linear(`${name}.self_attn.qkv_proj`),
          project: linear(`${name}.self_attn.o_proj`),
          norm2: norm(names.norm2),
          widen: linear(`${name}.mlp.gate_up_proj`),
          narrow: linear(`${name}.mlp.down_proj`),
        }, shape);
      };
      const start = embedding(words, undefined, tokens, of);
      return inSequence(
        ...blocks(start, layers, blockOf, chunksOf(width, heads)),
        // The head reads this row exactly and at once.
        layerNorm(norm("model.norm"), { name: "norm", epsilon, kind: "rms" }),
      );
    },
  };
}
