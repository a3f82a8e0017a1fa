import { spreadRows, takeRows } from "../../../kernels/embedding/class_rows.ts";
import { crossEntropy, meanLoss } from "../../../kernels/loss/cross_entropy.ts";
import { positionBackward } from "../../../kernels/embedding/embedding.ts";
import { readable } from "../../../kernels/products/scaled_halves.ts";
import { matmul } from "../../../kernels/products/matmul.ts";
import {
  patchEmbeddingBackward,
  patchEmbeddingStart,
  patches,
} from "../../../kernels/embedding/patch_embedding.ts";
import { top1 } from "../../../kernels/loss/top1.ts";
import { plain } from "../../gpu/operand.ts";
import type { Tensor } from "../../gpu/tensor.ts";
import { block, blocks, type BlockShape } from "../../nn/block.ts";
import { type Layer, operator, sequence } from "../../nn/layer.ts";
import { layerNorm } from "../../nn/layer_norm.ts";
import { linear } from "../../nn/linear.ts";
import type { ParameterSet } from "../../nn/parameters.ts";
import type { Tape } from "../../nn/tape.ts";
import { type VitConfig, vitTokens } from "./config.ts";

/** The tensors that a batch arrives in, and the rings that results go to. */
export interface VitTensors {
  /** B×3·S·S, channel by channel: bytes, or f32 as they are. */
  readonly images: Tensor;
  /** B×1 in i32. */
  readonly labels: Tensor;
  /** One mean loss a step, and one share of images whose label has the largest logit. */
  readonly lossRing: Tensor;
  readonly hitRing: Tensor;
}

/**
 * Emits forward, the mean loss, and, in training, backward into the parameters' gradients, with label smoothing; else the share of
 * hits, and the plain loss.
 */
export function vitLoss(
  tape: Tape,
  config: VitConfig,
  parameters: ParameterSet,
  tensors: VitTensors,
  batch: number,
  smoothing: number,
): void {
  const { builder } = tape;
  const { layers, width, heads, layerNormEpsilon: epsilon } = config;
  const tokens = vitTokens(config);
  const shape: BlockShape = {
    batch,
    sequence: tokens,
    heads,
    headSize: width / heads,
    causal: false,
    epsilon,
    activation: "erf",
  };
  const blockOf = (layer: number) => {
    const name = `blocks.${layer}`;
    const names = { block: name, norm1: `${name}.norm1`, norm2: `${name}.norm2` };
    return block(names, layer, {
      norm1: parameters.layerNorm(names.norm1),
      qkv: parameters.linear(`${name}.attn.qkv`),
      project: parameters.linear(`${name}.attn.proj`),
      norm2: parameters.layerNorm(names.norm2),
      widen: parameters.linear(`${name}.mlp.fc1`),
      narrow: parameters.linear(`${name}.mlp.fc2`),
    }, shape);
  };
  const model = sequence(
    ...blocks(patchEmbedding(config, parameters, batch), layers, blockOf, heads),
    classTokens(tokens),
    // Few rows, so they are kept exactly.
    layerNorm(parameters.layerNorm("norm"), { name: "norm", epsilon }),
    linear(parameters.linear("head"), { name: "head", layer: layers, heads }),
  );
  const logits = builder.tensor("logits", batch, config.classes, { category: "head" });
  const { backward } = builder.within(
    { pass: "forward" },
    () => model(tape, { exact: plain(tensors.images) }, { tensor: logits, add: false }),
  );
  builder.within({ operator: "head", pass: "forward" }, () => classLoss(tape, logits, tensors, smoothing));
  if (tape.training) builder.within({ pass: "backward" }, () => backward(logits));
}

/** Images to the residual stream (N×C): a class token and the projected patches, each with its position. */
function patchEmbedding({ image, patch, width }: VitConfig, parameters: ParameterSet, batch: number): Layer {
  const [positions, classToken] = ["pos_embed", "cls_token"].map((name) => parameters.get(name));
  const { weight, bias } = parameters.linear("patch_embed.proj");
  return operator("embedding", (tape, { exact: { tensor: images } }) => {
    const { builder } = tape;
    const rows = patches(images, { batch, image, patch });
    const x = tape.transient("residual stream", batch * positions.rows, width);
    patchEmbeddingStart(builder, positions.value, classToken.value, bias.value, x);
    const scaling = tape.scaling("patch_embed", "forward");
    matmul(builder, "nn", readable(builder, rows, scaling, "a"), plain(weight.value), x, {
      accumulate: true,
      scaling,
    });
    tape.uses(weight, positions, classToken, bias);
    return {
      y: { exact: plain(x) },
      backward: (dx) => {
        tape.gradients([weight], ({ tensor, add }) => {
          const scaling = tape.scaling("d patch_embed weight", "backward");
          matmul(builder, "tn", readable(builder, rows, scaling, "a"), plain(dx), tensor, {
            accumulate: add,
            scaling,
          });
        });
        tape.gradients([positions], ({ tensor, add }) => {
          positionBackward(builder, dx, tensor, positions.rows, add);
        });
        // The class token and the bias need the positions' gradient of this batch alone.
        const sums = tape.transient("d positions", positions.rows, width);
        positionBackward(builder, dx, sums, positions.rows, false);
        tape.gradients([classToken, bias], (dClassToken, dBias) => {
          patchEmbeddingBackward(builder, sums, dClassToken.tensor, dBias.tensor, dBias.add);
        });
        return dx;
      },
    };
  });
}

/** The class tokens' rows (B×C) of the residual stream: only they go on. Backward writes all rows of the stream's gradient. */
function classTokens(tokens: number): Layer {
  return operator("head", (tape, { exact: { tensor: x } }) => {
    const rows = tape.transient("class rows", x.rows / tokens, x.cols);
    takeRows(tape.builder, x, rows, tokens);
    return {
      y: { exact: plain(rows) },
      backward: (d) => {
        const dx = tape.transient("d residual stream", x.rows, x.cols);
        spreadRows(tape.builder, d, dx, tokens);
        return dx;
      },
    };
  });
}

/** Emits the mean loss of the logits (B×classes), and in training puts their gradient in their place; else counts the hits. */
function classLoss(
  { builder, training }: Tape,
  logits: Tensor,
  { labels, lossRing, hitRing }: VitTensors,
  smoothing: number,
): void {
  const perRow = (name: string) => builder.tensor(name, logits.rows, 1, { category: "head", stride: 1 });
  if (!training) {
    const hits = perRow("hits");
    top1(builder, logits, labels, hits);
    meanLoss(builder, hits, hitRing);
  }
  const losses = perRow("losses");
  crossEntropy(builder, logits, labels, losses, training, smoothing);
  meanLoss(builder, losses, lossRing);
}
