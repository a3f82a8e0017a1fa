import type { AttentionShape } from "../../kernels/attention/attention.ts";
import type { GeluKind } from "../gpu/operand.ts";
import type { SavedTensor } from "../storage/policy.ts";
import { attention, savedQkv } from "./attention.ts";
import { gelu } from "./gelu.ts";
import { type Layer, residual, sequence } from "./layer.ts";
import { layerNorm, type LayerNormParameters } from "./layer_norm.ts";
import { linear, type LinearParameters } from "./linear.ts";
import { mlpPiece, pieces } from "./pieces.ts";
import { recompute } from "./recompute.ts";

/** The parameters of a block, by what they do. */
export interface BlockParameters {
  readonly norm1: LayerNormParameters;
  /** C×3C: queries, keys and values side by side. */
  readonly qkv: LinearParameters;
  readonly project: LinearParameters;
  readonly norm2: LayerNormParameters;
  /** C×4C and 4C×C. */
  readonly widen: LinearParameters;
  readonly narrow: LinearParameters;
}

/** What a block computes. */
export interface BlockShape extends AttentionShape {
  readonly epsilon: number;
  readonly gelu: GeluKind;
}

/** Names of a block's saved tensors: its own, and those of its two LayerNorms. */
export interface BlockNames {
  readonly block: string;
  readonly norm1: string;
  readonly norm2: string;
}

/**
 * A pre-norm Transformer block over the residual stream x (N×C), GPT-2's and ViT's: x + project(attention(qkv(norm(x)))), then
 * x + narrow(gelu(widen(norm(x)))). Block `layer`, from 0. What is kept of it stands where it is made; each `recompute` names what a policy
 * can have made again instead. Returns the two halves, one after the other.
 */
export function block(names: BlockNames, layer: number, p: BlockParameters, shape: BlockShape): Layer {
  const { epsilon } = shape;
  const place = { layer, heads: shape.heads };
  const [attn, mlp] = [`${names.block}.attn`, `${names.block}.mlp`];
  const output: SavedTensor = { kind: "output", ...place };
  const hidden: SavedTensor = { kind: "gelu", ...place };
  const qkv = savedQkv(attn, place);

  const attend = recompute(attention(attn, shape, place), output, qkv);
  const mixing = sequence(linear(p.qkv, { name: `${attn}.qkv`, output: qkv, ...place }), attend);
  const widening = sequence(
    linear(p.widen, { name: `${mlp}.gelu_input`, output: hidden, ...place }),
    gelu(shape.gelu, { key: `${mlp}.gelu_input`, ...hidden }),
    linear(p.narrow, { name: `${mlp}.narrow`, ...place }),
  );
  return sequence(
    residual(sequence(
      layerNorm(p.norm1, { name: names.norm1, epsilon, place }), // N×C
      recompute(mixing, qkv, { key: `${attn}.qkv input`, kind: "linear", ...place }), // N×3C, N×C
      linear(p.project, { name: `${attn}.proj`, ...place }), // N×C
    )),
    residual(sequence(
      layerNorm(p.norm2, { name: names.norm2, epsilon, place }), // N×C
      pieces( // N×4C, N×C
        recompute(widening, hidden, { key: `${mlp}.widen input`, kind: "linear", ...place }),
        mlpPiece(shape),
      ),
    )),
  );
}

/**
 * Blocks after the layer that makes the residual stream, `start`. Where a policy says so, a block is made again from its input; the first
 * one from what the stream is made of, which is at hand and costs nothing.
 */
export function blocks(
  start: Layer,
  count: number,
  blockOf: (layer: number) => Layer,
  heads: number,
): Layer[] {
  return Array.from({ length: count }, (_, layer) => {
    const input: SavedTensor = { kind: "block_input", layer, heads };
    if (layer === 0) return recompute(sequence(start, blockOf(0)), input);
    return recompute(blockOf(layer), input, { key: `block ${layer} input`, ...input });
  });
}
