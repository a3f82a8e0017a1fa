import { type Decay, joined, type ParameterShape, parameterShapes, turned } from "../../nn/parameters.ts";
import type { LlamaConfig } from "./config.ts";

/** The sizes that fix the shapes of a Llama's parameters. */
export type LlamaShapes = Pick<
  LlamaConfig,
  "layers" | "width" | "heads" | "keyHeads" | "headSize" | "hidden" | "vocab" | "tiedHead"
>;

/**
 * Every parameter in the order of `transformers`, under its names but for what is multiplied as one: queries, keys and values, and gates and what
 * they let pass, which checkpoints hold apart. Linear weights are in×out here; checkpoints hold them the other way round.
 */
export function llamaParameters(sizes: LlamaShapes, decay: Decay): ParameterShape[] {
  const { layers, width, heads, keyHeads, headSize, hidden, vocab, tiedHead } = sizes;
  const { matrix, vector } = parameterShapes(decay);
  const norm = (name: string) => vector("norm", `${name}.weight`, width);
  const [queries, keys] = [heads * headSize, keyHeads * headSize];
  return [
    matrix("embedding", "model.embed_tokens.weight", vocab, width),
    ...Array.from({ length: layers }, (_, i) => `model.layers.${i}`).flatMap((name) => [
      norm(`${name}.input_layernorm`),
      joined("qkv", `${name}.self_attn.qkv_proj.weight`, width, [
        { name: `${name}.self_attn.q_proj.weight`, cols: queries },
        { name: `${name}.self_attn.k_proj.weight`, cols: keys },
        { name: `${name}.self_attn.v_proj.weight`, cols: keys },
      ]),
      turned(matrix("projection", `${name}.self_attn.o_proj.weight`, queries, width)),
      norm(`${name}.post_attention_layernorm`),
      joined("widening", `${name}.mlp.gate_up_proj.weight`, width, [
        { name: `${name}.mlp.gate_proj.weight`, cols: hidden },
        { name: `${name}.mlp.up_proj.weight`, cols: hidden },
      ]),
      turned(matrix("narrowing", `${name}.mlp.down_proj.weight`, hidden, width)),
    ]),
    norm("model.norm"),
    // A row a word, as the embedding: it is read the same way, tied or not.
    ...tiedHead ? [] : [matrix("head", "lm_head.weight", vocab, width)],
  ];
}
