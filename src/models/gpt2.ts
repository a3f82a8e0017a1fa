import { embeddingBackward, embeddingForward, type TokenTensors } from "../../kernels/embedding.ts";
import { gatherRow } from "../../kernels/gather_row.ts";
import { matmul } from "../../kernels/matmul.ts";
import { plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { attention } from "../nn/attention.ts";
import { gelu } from "../nn/gelu.ts";
import { layerNorm } from "../nn/layer_norm.ts";
import { linear } from "../nn/linear.ts";
import type { ParameterSet, ParameterShape } from "../nn/parameters.ts";
import type { Activation, Tape } from "../nn/tape.ts";
import { headChunk, type HeadTensors, tiedHead } from "../nn/tied_head.ts";
import type { Gpt2Config } from "./gpt2_config.ts";

/** Sizes of a batch. */
export interface BatchShape {
  readonly batch: number;
  readonly sequence: number;
}

/** Every parameter under the names of `transformers`; linear weights are in×out, as it stores them. */
export function gpt2Parameters(config: Gpt2Config, decay: "matrices" | "all"): ParameterShape[] {
  const { layers, width, vocab, positions } = config;
  const matrix = (name: string, rows: number, cols: number) => ({
    name,
    rows,
    cols,
    shape: [rows, cols],
    decayed: true,
  });
  const vector = (name: string, cols: number) => ({
    name,
    rows: 1,
    cols,
    shape: [cols],
    decayed: decay === "all",
  });
  const linearShapes = (name: string, from: number, to: number) => [
    matrix(`${name}.weight`, from, to),
    vector(`${name}.bias`, to),
  ];
  const norm = (name: string) => [vector(`${name}.weight`, width), vector(`${name}.bias`, width)];
  return [
    matrix("transformer.wte.weight", vocab, width),
    matrix("transformer.wpe.weight", positions, width),
    ...Array.from({ length: layers }, (_, i) => `transformer.h.${i}`).flatMap((h) => [
      ...norm(`${h}.ln_1`),
      ...linearShapes(`${h}.attn.c_attn`, width, 3 * width),
      ...linearShapes(`${h}.attn.c_proj`, width, width),
      ...norm(`${h}.ln_2`),
      ...linearShapes(`${h}.mlp.c_fc`, width, 4 * width),
      ...linearShapes(`${h}.mlp.c_proj`, 4 * width, width),
    ]),
    ...norm("transformer.ln_f"),
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
  const { layers, width, heads, layerNormEpsilon: epsilon } = config;
  const rows = batch * sequence;
  const get = (name: string) => parameters.get(`transformer.${name}`);
  const normOf = (name: string) => ({ gamma: get(`${name}.weight`), beta: get(`${name}.bias`) });
  const linearOf = (name: string) => ({ weight: get(`${name}.weight`), bias: get(`${name}.bias`) });
  const shape = { batch, sequence, heads, headSize: width / heads, causal: true };

  // The residual stream is one tensor, updated in place; so is its gradient.
  const x = tape.transient("residual stream", rows, width);
  const words = get("wte.weight");
  const positions = get("wpe.weight");
  embeddingForward(tape.builder, tokens, words.value, positions.value, x, sequence);

  const block = (h: string): (dx: Tensor) => void => {
    const norm1 = layerNorm(tape, `${h}.ln_1`, x, normOf(`${h}.ln_1`), { epsilon, heads });
    const qkv = tape.saved(`${h}.attn.qkv`, rows, 3 * width);
    const project = linear(tape, norm1.y, linearOf(`${h}.attn.c_attn`), qkv);
    const attend = attention(tape, `${h}.attn`, qkv, shape);
    const out = linear(tape, attend.o, linearOf(`${h}.attn.c_proj`), x, { residual: true });

    const norm2 = layerNorm(tape, `${h}.ln_2`, x, normOf(`${h}.ln_2`), { epsilon, heads });
    const hidden = tape.saved(`${h}.mlp.gelu_input`, rows, 4 * width);
    const widen = linear(tape, norm2.y, linearOf(`${h}.mlp.c_fc`), hidden);
    const activate = gelu(tape, hidden, heads);
    const narrow = linear(tape, activate.y, linearOf(`${h}.mlp.c_proj`), x, { residual: true });

    return (dx) => {
      const dHidden = tape.transient("d gelu", rows, 4 * width);
      narrow(dx, dHidden);
      activate.backward(dHidden);
      const dNorm2 = tape.transient("d ln_2", rows, width);
      widen(dHidden, dNorm2);
      norm2.backward(dNorm2, dx);

      const dOut = tape.transient("d attention", rows, width);
      out(dx, dOut);
      const dQkv = tape.transient("d qkv", rows, 3 * width);
      attend.backward(dOut, dQkv);
      const dNorm1 = tape.transient("d ln_1", rows, width);
      project(dQkv, dNorm1);
      norm1.backward(dNorm1, dx);
    };
  };
  const blocks = Array.from({ length: layers }, (_, i) => block(`h.${i}`));
  // The head reads this row exactly and at once, so storing it in fewer bits would save nothing.
  const final = layerNorm(tape, "ln_f", x, normOf("ln_f"), { epsilon, heads: 0 });
  return {
    y: final.y,
    backward(dy) {
      const dx = dy; // each LayerNorm row's gradient takes the place of the one it comes from
      final.backward(dy, dx, { replace: true });
      for (const backward of blocks.reverse()) backward(dx);
      tape.adds(words);
      embeddingBackward(
        tape.builder,
        tokens,
        dx,
        words.gradient,
        positions.gradient,
        sequence,
        tape.adds(positions),
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
  const { y, backward } = trunk(tape, config, parameters, tensors, shape);
  const words = parameters.get("transformer.wte.weight");
  const chunk = headChunkTokens ?? headChunk(tape.builder, y.exact.tensor, config.vocab);
  if (!tape.savings) return tiedHead(tape, y.exact, words, tensors, chunk);
  const dy = tape.transient("d residual stream", shape.batch * shape.sequence, config.width);
  tiedHead(tape, y.exact, words, tensors, chunk, dy);
  backward(dy);
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
