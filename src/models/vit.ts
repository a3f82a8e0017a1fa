import { spreadRows, takeRows } from "../../kernels/embedding/class_rows.ts";
import { crossEntropy, meanLoss } from "../../kernels/loss/cross_entropy.ts";
import { positionBackward } from "../../kernels/embedding/embedding.ts";
import { cheapToRead } from "../../kernels/shared/materialize.ts";
import { matmul } from "../../kernels/products/matmul.ts";
import {
  patchEmbeddingBackward,
  patchEmbeddingStart,
  patches,
} from "../../kernels/embedding/patch_embedding.ts";
import { top1 } from "../../kernels/loss/top1.ts";
import { plain } from "../gpu/operand.ts";
import type { Tensor } from "../gpu/tensor.ts";
import { block } from "../nn/block.ts";
import { layerNorm, type LayerNormParameters } from "../nn/layer_norm.ts";
import { linear, type LinearParameters } from "../nn/linear.ts";
import { type Decay, type ParameterSet, type ParameterShape, parameterShapes } from "../nn/parameters.ts";
import type { Tape } from "../nn/tape.ts";
import { type VitConfig, vitTokens } from "./vit_config.ts";

/** Every parameter under the names of `timm`. Linear weights are in×out here; checkpoints hold them the other way round. */
export function vitParameters(config: VitConfig, decay: Decay): ParameterShape[] {
  const { layers, width, patch, classes } = config;
  const { matrix, linear, norm } = parameterShapes(decay);
  const tokens = vitTokens(config);
  const inFiles = (shape: ParameterShape, ...inFile: number[]) => ({ ...shape, shape: inFile });
  const turned = (name: string, from: number, to: number) => {
    const [weight, bias] = linear(name, from, to);
    return [inFiles(weight, to, from), bias];
  };
  const [projection, projectionBias] = linear("patch_embed.proj", 3 * patch ** 2, width);
  return [
    // A token that all images share is no weight matrix, but AdamW of timm's recipe spares only these two beside vectors.
    { ...inFiles(matrix("cls_token", 1, width), 1, 1, width), decayed: decay === "all" },
    { ...inFiles(matrix("pos_embed", tokens, width), 1, tokens, width), decayed: decay === "all" },
    inFiles(projection, width, 3, patch, patch),
    projectionBias,
    ...Array.from({ length: layers }, (_, i) => `blocks.${i}`).flatMap((b) => [
      ...norm(`${b}.norm1`, width),
      ...turned(`${b}.attn.qkv`, width, 3 * width),
      ...turned(`${b}.attn.proj`, width, width),
      ...norm(`${b}.norm2`, width),
      ...turned(`${b}.mlp.fc1`, width, 4 * width),
      ...turned(`${b}.mlp.fc2`, 4 * width, width),
    ]),
    ...norm("norm", width),
    ...turned("head", width, classes),
  ];
}

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
 * Emits forward, the mean loss with label smoothing, and, if the tape saves, backward into the parameters' gradients; else the share of
 * hits.
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

  // The residual stream is one tensor, updated in place; so is its gradient.
  const x = tape.transient("residual stream", batch * tokens, width);
  const shape = {
    ...{ batch, sequence: tokens, heads, headSize: width / heads, causal: false },
    ...{ epsilon, gelu: "erf" as const },
  };
  const blockOf = (layer: number) => {
    const name = `blocks.${layer}`;
    const names = { block: name, norm1: `${name}.norm1`, norm2: `${name}.norm2` };
    return block(tape, names, layer, x, {
      norm1: parameters.layerNorm(names.norm1),
      qkv: parameters.linear(`${name}.attn.qkv`),
      project: parameters.linear(`${name}.attn.proj`),
      norm2: parameters.layerNorm(names.norm2),
      widen: parameters.linear(`${name}.mlp.fc1`),
      narrow: parameters.linear(`${name}.mlp.fc2`),
    }, shape);
  };
  const backwards = builder.within({ pass: "forward" }, () => {
    const embedded = patchEmbedding(tape, config, parameters, tensors.images, x, batch);
    const blocks = Array.from({ length: layers }, (_, layer) => blockOf(layer));
    const classified = builder.within(
      { operator: "head" },
      () =>
        classHead(tape, tensors, x, tokens, parameters.layerNorm("norm"), parameters.linear("head"), {
          layers,
          heads,
          epsilon,
          smoothing,
        }),
    );
    return [embedded, ...blocks, classified];
  });
  if (!tape.savings) return;
  const dx = tape.transient("d residual stream", batch * tokens, width);
  builder.within({ pass: "backward" }, () => {
    for (const backward of backwards.reverse()) backward(dx);
  });
}

/** Emits the residual stream x (N×C) of images: a class token and the projected patches, each with its position. */
function patchEmbedding(
  tape: Tape,
  { image, patch, width }: VitConfig,
  parameters: ParameterSet,
  images: Tensor,
  x: Tensor,
  batch: number,
): (dx: Tensor) => void {
  const { builder } = tape;
  const [positions, classToken] = ["pos_embed", "cls_token"].map((name) => parameters.get(name));
  const [weight, bias] = ["weight", "bias"].map((name) => parameters.get(`patch_embed.proj.${name}`));
  const rows = patches(images, { batch, image, patch });
  const within = <T>(work: () => T) => builder.within({ operator: "embedding" }, work);
  within(() => {
    patchEmbeddingStart(builder, positions.value, classToken.value, bias.value, x);
    matmul(builder, "nn", cheapToRead(builder, rows), plain(weight.value), x, { accumulate: true });
  });
  return (dx) =>
    within(() => {
      const accumulate = tape.adds(weight);
      matmul(builder, "tn", cheapToRead(builder, rows), plain(dx), weight.gradient, { accumulate });
      positionBackward(builder, dx, positions.gradient, positions.rows, tape.adds(positions));
      const sums = tape.transient("d positions", positions.rows, width);
      positionBackward(builder, dx, sums, positions.rows, false);
      const [adds] = [classToken, bias].map((parameter) => tape.adds(parameter));
      patchEmbeddingBackward(builder, sums, classToken.gradient, bias.gradient, adds);
    });
}

/**
 * Emits the mean loss of the class tokens' logits. Only their rows go on, so only those are normalised; they are few, and kept exactly.
 * Backward writes all of dx.
 */
function classHead(
  tape: Tape,
  { labels, lossRing, hitRing }: VitTensors,
  x: Tensor,
  tokens: number,
  norm: LayerNormParameters,
  classes: LinearParameters,
  { layers, heads, epsilon, smoothing }: {
    layers: number;
    heads: number;
    epsilon: number;
    smoothing: number;
  },
): (dx: Tensor) => void {
  const { builder } = tape;
  const [batch, width] = [x.rows / tokens, x.cols];
  const classRows = tape.transient("class rows", batch, width);
  takeRows(builder, x, classRows, tokens);
  const final = layerNorm(tape, "norm", classRows, norm, epsilon);
  const logits = builder.tensor("logits", batch, classes.weight.cols, { category: "head" });
  const classify = linear(tape, "head", final.y, classes, logits, { layer: layers, heads });
  const perRow = (name: string) => builder.tensor(name, batch, 1, { category: "head", stride: 1 });
  if (!tape.savings) {
    const hits = perRow("hits");
    top1(builder, logits, labels, hits);
    meanLoss(builder, hits, hitRing);
  }
  const losses = perRow("losses");
  const chunk = { first: 0, rows: batch };
  crossEntropy(builder, logits, labels, losses, chunk, tape.savings !== undefined, smoothing);
  meanLoss(builder, losses, lossRing);
  return (dx) =>
    builder.within({ operator: "head" }, () => {
      const dClassRows = tape.transient("d class rows", batch, width);
      classify(logits, dClassRows);
      final.backward(dClassRows, dClassRows, { replace: true });
      spreadRows(builder, dClassRows, dx, tokens);
    });
}
