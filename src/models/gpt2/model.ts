import {
  embeddingBackward,
  embeddingForward,
  type TokenTensors,
} from "../../../kernels/embedding/embedding.ts";
import { gatherRow } from "../../../kernels/embedding/gather_row.ts";
import { clear } from "../../../kernels/optimizer/clear.ts";
import { matmul } from "../../../kernels/products/matmul.ts";
import { plain } from "../../gpu/operand.ts";
import { rowsOf, type Tensor } from "../../gpu/tensor.ts";
import { block, blocks, type BlockShape } from "../../nn/block.ts";
import { type Layer, operator, sequence as inSequence } from "../../nn/layer.ts";
import { layerNorm } from "../../nn/layer_norm.ts";
import type { Parameter, ParameterSet } from "../../nn/parameters.ts";
import type { Tape } from "../../nn/tape.ts";
import { headKey, type HeadTensors, tiedHead } from "../../nn/tied_head.ts";
import type { Gpt2Config } from "./config.ts";

/** Sizes of a batch. */
export interface BatchShape {
  readonly batch: number;
  readonly sequence: number;
}

/** The tensors that a batch arrives in, and the rings that results go to. */
export interface Gpt2Tensors extends TokenTensors, HeadTensors {}

/** Tokens (N×1) to the residual stream (N×C): a row of the word table and one of the positions each. */
function embedding(words: Parameter, positions: Parameter, tokens: TokenTensors, sequence: number): Layer {
  return operator("embedding", (tape, x) => {
    const stream = tape.transient("residual stream", x.exact.tensor.rows, words.cols);
    embeddingForward(tape.builder, tokens, words.value, positions.value, stream, sequence);
    tape.uses(words, positions);
    return {
      y: { exact: plain(stream) },
      backward: (d) => {
        tape.gradients([words, positions], (dWords, dPositions) => {
          if (!dWords.add) {
            throw new Error("The words' gradient is added to the tied head's: emit that first");
          }
          const { builder } = tape;
          // Positions beyond the sequence are not written: what is planned holds what others left there.
          if (!dPositions.tensor.home && !dPositions.add) clear(builder, dPositions.tensor);
          embeddingBackward(builder, tokens, d, dWords.tensor, dPositions.tensor, sequence, dPositions.add);
        });
        return d;
      },
    };
  });
}

/** The embedding, all blocks and the final LayerNorm: tokens (N×1) to what the head reads (N×C). */
function trunk(
  config: Gpt2Config,
  parameters: ParameterSet,
  tokens: TokenTensors,
  { batch, sequence }: BatchShape,
): Layer {
  const { layers, width, heads, layerNormEpsilon: epsilon } = config;
  const get = (name: string) => parameters.get(`transformer.${name}`);
  const normOf = (name: string) => parameters.layerNorm(`transformer.${name}`);
  const linearOf = (name: string) => parameters.linear(`transformer.${name}`);
  const shape: BlockShape = {
    batch,
    sequence,
    heads,
    headSize: width / heads,
    causal: true,
    epsilon,
    gelu: "tanh",
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
    ...blocks(embedding(get("wte.weight"), get("wpe.weight"), tokens, sequence), layers, blockOf, heads),
    // The head reads this row exactly and at once, so storing it in fewer bits would save nothing.
    layerNorm(normOf("ln_f"), { name: "ln_f", epsilon }),
  );
}

/** Emits forward, the mean loss, and, in training, backward into the parameters' gradients. */
export function gpt2Loss(
  tape: Tape,
  config: Gpt2Config,
  parameters: ParameterSet,
  tensors: Gpt2Tensors,
  shape: BatchShape,
): void {
  const { builder } = tape;
  const words = parameters.get("transformer.wte.weight");
  const ids = { exact: plain(tensors.tokens) };
  const { y, backward } = builder.within(
    { pass: "forward" },
    () => trunk(config, parameters, tensors, shape)(tape, ids),
  );
  const headBackward = tiedHead(tape, y.exact, words, tensors);
  if (!tape.training) return;
  const dy = headBackward();
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
  const ids = { exact: plain(rowsOf(tokens.tokens, 0, sequence)) };
  const { y } = trunk(config, parameters, tokens, { batch: 1, sequence })(tape, ids);
  const row = tape.transient("row", 1, config.width);
  gatherRow(tape.builder, y.exact, row);
  const words = parameters.get("transformer.wte.weight");
  matmul(tape.builder, "nt", plain(row), plain(words.value), logits, {
    scaling: tape.scaling(headKey, "forward"),
  });
}
