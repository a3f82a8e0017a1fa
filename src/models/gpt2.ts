import { embeddingBackward, embeddingForward, type TokenTensors } from "../../kernels/embedding/embedding.ts";
import { gatherRow } from "../../kernels/embedding/gather_row.ts";
import { matmul } from "../../kernels/products/matmul.ts";
import { plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { block } from "../nn/block.ts";
import { layerNorm } from "../nn/layer_norm.ts";
import { type Decay, type ParameterSet, type ParameterShape, parameterShapes } from "../nn/parameters.ts";
import type { Activation, Tape } from "../nn/tape.ts";
import { headChunk, type HeadTensors, tiedHead } from "../nn/tied_head.ts";
import type { Gpt2Config } from "./gpt2_config.ts";

/** Sizes of a batch. */
export interface BatchShape {
  readonly batch: number;
  readonly sequence: number;
}

/** Every parameter under the names of `transformers`; linear weights are in×out, as it stores them. */
export function gpt2Parameters(config: Gpt2Config, decay: Decay): ParameterShape[] {
  const { layers, width, vocab, positions } = config;
  const { matrix, linear, norm } = parameterShapes(decay);
  return [
    matrix("transformer.wte.weight", vocab, width),
    matrix("transformer.wpe.weight", positions, width),
    ...Array.from({ length: layers }, (_, i) => `transformer.h.${i}`).flatMap((h) => [
      ...norm(`${h}.ln_1`, width),
      ...linear(`${h}.attn.c_attn`, width, 3 * width),
      ...linear(`${h}.attn.c_proj`, width, width),
      ...norm(`${h}.ln_2`, width),
      ...linear(`${h}.mlp.c_fc`, width, 4 * width),
      ...linear(`${h}.mlp.c_proj`, 4 * width, width),
    ]),
    ...norm("transformer.ln_f", width),
  ];
}

/** The tensors that a batch arrives in, and the rings that results go to. */
export interface Gpt2Tensors extends TokenTensors, HeadTensors {}

/** Emits the embedding and all blocks; returns the final LayerNorm's output, and the backward of everything up to it. */
function trunk(
  tape: Tape,
  config: Gpt2Config,
  parameters: ParameterSet,
  tokens: TokenTensors,
  { batch, sequence }: BatchShape,
): { y: Activation; backward: (dy: Tensor) => void } {
  const { layers, width, heads, layerNormEpsilon } = config;
  const rows = batch * sequence;
  const get = (name: string) => parameters.get(`transformer.${name}`);
  const normOf = (name: string) => parameters.layerNorm(`transformer.${name}`);
  const linearOf = (name: string) => parameters.linear(`transformer.${name}`);
  const shape = {
    ...{ batch, sequence, heads, headSize: width / heads, causal: true },
    ...{ epsilon: layerNormEpsilon, gelu: "tanh" as const },
  };

  // The residual stream is one tensor, updated in place; so is its gradient.
  const x = tape.transient("residual stream", rows, width);
  const words = get("wte.weight");
  const positions = get("wpe.weight");
  tape.builder.within(
    { operator: "embedding" },
    () => embeddingForward(tape.builder, tokens, words.value, positions.value, x, sequence),
  );

  const blockOf = (layer: number) => {
    const h = `h.${layer}`;
    const names = { block: h, norm1: `${h}.ln_1`, norm2: `${h}.ln_2` };
    return block(tape, names, layer, x, {
      norm1: normOf(names.norm1),
      qkv: linearOf(`${h}.attn.c_attn`),
      project: linearOf(`${h}.attn.c_proj`),
      norm2: normOf(names.norm2),
      widen: linearOf(`${h}.mlp.c_fc`),
      narrow: linearOf(`${h}.mlp.c_proj`),
    }, shape);
  };
  const blocks = Array.from({ length: layers }, (_, layer) => blockOf(layer));
  // The head reads this row exactly and at once, so storing it in fewer bits would save nothing.
  const norm = { operator: "layer norm" };
  const final = tape.builder.within(norm, () => layerNorm(tape, "ln_f", x, normOf("ln_f"), layerNormEpsilon));
  return {
    y: final.y,
    backward(dy) {
      const dx = dy; // each LayerNorm row's gradient takes the place of the one it comes from
      tape.builder.within(norm, () => final.backward(dy, dx, { replace: true }));
      for (const backward of blocks.reverse()) backward(dx);
      tape.adds(words);
      const adds = tape.adds(positions);
      tape.builder.within(
        { operator: "embedding" },
        () => embeddingBackward(tape.builder, tokens, dx, words.gradient, positions.gradient, sequence, adds),
      );
    },
  };
}

/** Emits forward, the mean loss, and, if the tape saves, backward into the parameters' gradients. */
export function gpt2Loss(
  tape: Tape,
  config: Gpt2Config,
  parameters: ParameterSet,
  tensors: Gpt2Tensors,
  shape: BatchShape,
  headChunkTokens?: number,
): void {
  const { builder } = tape;
  const { y, backward } = builder.within(
    { pass: "forward" },
    () => trunk(tape, config, parameters, tensors, shape),
  );
  const words = parameters.get("transformer.wte.weight");
  const chunk = headChunkTokens ?? headChunk(builder, y.exact.tensor, config.vocab);
  const head = { operator: "head" };
  if (!tape.savings) return builder.within(head, () => tiedHead(tape, y.exact, words, tensors, chunk));
  const dy = tape.transient("d residual stream", shape.batch * shape.sequence, config.width);
  builder.within(head, () => tiedHead(tape, y.exact, words, tensors, chunk, dy));
  builder.within({ pass: "backward" }, () => backward(dy));
}

/** Emits forward of one sequence and `logits` (1×V), those of the row that the step block names. */
export function gpt2Logits(
  tape: Tape,
  config: Gpt2Config,
  parameters: ParameterSet,
  tokens: TokenTensors,
  sequence: number,
  logits: Tensor,
): void {
  const { y } = trunk(tape, config, parameters, tokens, { batch: 1, sequence });
  const row = tape.transient("row", 1, config.width);
  gatherRow(tape.builder, y.exact, row);
  const words = parameters.get("transformer.wte.weight");
  matmul(tape.builder, "nt", plain(row), plain(words.value), logits);
}
