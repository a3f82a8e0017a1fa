import { block, blocks, type BlockShape } from "../../nn/block.ts";
import { sequence as inSequence } from "../../nn/layer.ts";
import { layerNorm } from "../../nn/layer_norm.ts";
import type { ParameterSet } from "../../nn/parameters.ts";
import { embedding, type LanguageModel } from "../shared/language_model.ts";
import type { Gpt2Config } from "./config.ts";

/** The embedding, all blocks and the final LayerNorm; the head is the word embedding. */
export function gpt2Model(config: Gpt2Config, parameters: ParameterSet): LanguageModel {
  const { layers, width, heads, layerNormEpsilon: epsilon } = config;
  const get = (name: string) => parameters.get(`transformer.${name}`);
  const normOf = (name: string) => parameters.layerNorm(`transformer.${name}`);
  const linearOf = (name: string) => parameters.linear(`transformer.${name}`);
  const words = get("wte.weight");
  return {
    head: words,
    trunk(tokens, of) {
      const shape: BlockShape = {
        ...of,
        heads,
        headSize: width / heads,
        causal: true,
        epsilon,
        activation: "tanh",
      };
      const blockOf = (layer: number) => {
        const h = `h.${layer}`;
        const names = { block: h, norm1: `${h}.ln_1`, norm2: `${h}.ln_2` };
        return block(names, layer, {
          norm1: normOf(names.norm1),
          qkv: linearOf(`${h}.attn.c_attn`),
          project: linearOf(`${h}.attn.c_proj`),
          norm2: normOf(names.norm2),
          widen: linearOf(`${h}.mlp.c_fc`),
          narrow: linearOf(`${h}.mlp.c_proj`),
        }, shape);
      };
      return inSequence(
        ...blocks(embedding(words, get("wpe.weight"), tokens, of), layers, blockOf, heads),
        // The head reads this row exactly and at once, so storing it in fewer bits would save nothing.
        layerNorm(normOf("ln_f"), { name: "ln_f", epsilon }),
      );
    },
  };
}
