import { type Decay, type ParameterShape, parameterShapes } from "../../nn/parameters.ts";
import type { Gpt2Config } from "./config.ts";

/** The sizes that fix the shapes of a GPT-2's parameters. */
export type Gpt2Sizes = Pick<Gpt2Config, "layers" | "width" | "vocab" | "positions">;

/**
 * Every parameter under the names and in the order of `transformers`; linear weights are in×out, as it stores them. The output head is
 * tied to `transformer.wte.weight` and has no entry of its own.
 */
export function gpt2Parameters(
  { layers, width, vocab, positions }: Gpt2Sizes,
  decay: Decay,
): ParameterShape[] {
  const { matrix, linear, norm } = parameterShapes(decay);
  return [
    matrix("embedding", "transformer.wte.weight", vocab, width),
    matrix("embedding", "transformer.wpe.weight", positions, width),
    ...Array.from({ length: layers }, (_, i) => `transformer.h.${i}`).flatMap((h) => [
      ...norm(`${h}.ln_1`, width),
      ...linear("qkv", `${h}.attn.c_attn`, width, 3 * width),
      ...linear("projection", `${h}.attn.c_proj`, width, width),
      ...norm(`${h}.ln_2`, width),
      ...linear("widening", `${h}.mlp.c_fc`, width, 4 * width),
      ...linear("narrowing", `${h}.mlp.c_proj`, 4 * width, width),
    ]),
    ...norm("transformer.ln_f", width),
  ];
}
