import type { AttentionShape } from "../../kernels/attention/attention_shape.ts";
import type { NormKind } from "../../kernels/norms/layer_norm.ts";
import type { GeluKind } from "../gpu/operand.ts";
import type { SavedTensor } from "../storage/policy.ts";
import { attention, savedQkv } from "./attention.ts";
import { attentionByHeads, type SequencePart } from "./attention_by_heads.ts";
import { gelu } from "./gelu.ts";
import { type Layer, residual, sequence, within } from "./layer.ts";
import { layerNorm, type LayerNormParameters } from "./layer_norm.ts";
import { linear, type LinearParameters } from "./linear.ts";
import { mlpPiece, piecesBehind } from "./mini_sequences.ts";
import { recompute, remadeLate } from "./recompute.ts";
import { rotary } from "./rotary.ts";
import { swiglu } from "./swiglu.ts";

/** The parameters of a block, by what they do. */
export interface BlockParameters {
  readonly norm1: LayerNormParameters;
  /** Queries, keys and values side by side. */
  readonly qkv: LinearParameters;
  readonly project: LinearParameters;
  readonly norm2: LayerNormParameters;
  /** C×F and F×C; where F channels are gates, C×2F. */
  readonly widen: LinearParameters;
  readonly narrow: LinearParameters;
}

/** What a block computes. */
export interface BlockShape extends AttentionShape {
  readonly epsilon: number;
  /** LayerNorm if left out. */
  readonly norm?: NormKind;
  readonly activation: GeluKind | "swiglu";
  /** Radians a position of each pair of a head's channels, where positions are rotary. */
  readonly rotary?: readonly number[];
  /** Which part of every sequence the rows are, where ranks share them: `sequence` is then its length. */
  readonly part?: SequencePart;
}

/** Names of a block's saved tensors: its own, and those of its two norms. */
export interface BlockNames {
  readonly block: string;
  readonly norm1: string;
  readonly norm2: string;
}

/**
 * A pre-norm Transformer block over the residual stream x (N×C), GPT-2's and ViT's: x + project(attention(qkv(norm(x)))), then
 * x + narrow(gelu(widen(norm(x)))). Llama's is x + project(attention(rotary(qkv(norm(x))))), then x + narrow(swiglu(widen(norm(x)))), its norm
 * RMSNorm. Block `layer`, from 0. What is kept of it stands where it is made; each `recompute` names what a policy can have made again
 * instead. Returns the two halves, one after the other.
 */
export function block(names: BlockNames, layer: number, p: BlockParameters, shape: BlockShape): Layer {
  const { epsilon, norm: kind, heads, keyHeads = heads } = shape;
  const { part } = shape;
  const place = { layer, heads };
  // The stream's channels and the MLP's belong to no heads.
  const stream = { layer, heads: chunksOf(p.qkv.weight.rows, heads) };
  const inside = { layer, heads: chunksOf(p.narrow.weight.rows, heads) };
  const [attn, mlp] = [`${names.block}.attn`, `${names.block}.mlp`];
  const qkv = savedQkv(attn, place, shape);
  const gated = shape.activation === "swiglu";
  const hidden: SavedTensor = { kind: "gelu", ...inside, ...gated && { parts: 2 } };
  const widened = { key: `${mlp}.${gated ? "swiglu" : "gelu"}_input`, ...hidden };

  const rotated = { ...shape, heads: heads + keyHeads, firstPosition: part?.first };
  const mixing = sequence(
    linear(p.qkv, { name: `${attn}.qkv`, ...!part && { output: qkv }, ...stream }),
    ...shape.rotary ? [rotary(`${attn}.qkv rotated`, { ...rotated, frequencies: shape.rotary })] : [],
    part
      ? attentionByHeads(attn, shape, part, place)
      : recompute(attention(attn, shape, place), { kind: "output", ...place }, qkv),
  );
  const widening = sequence(
    linear(p.widen, { name: widened.key, output: hidden, ...stream }),
    shape.activation === "swiglu" ? swiglu(widened) : gelu(shape.activation, widened),
    linear(p.narrow, { name: `${mlp}.narrow`, ...inside }),
  );
  return sequence(
    residual(sequence(
      remadeLate(layerNorm(p.norm1, { name: names.norm1, epsilon, kind, place: stream })), // N×C
      recompute(mixing, qkv, { key: `${attn}.qkv input`, kind: "linear", ...stream }), // N×(C + 2K), N×C
      linear(p.project, { name: `${attn}.proj`, ...place }), // N×C
    )),
    residual(piecesBehind(
      remadeLate(layerNorm(p.norm2, { name: names.norm2, epsilon, kind, place: stream })), // N×C
      recompute(widening, hidden, { key: `${mlp}.widen input`, kind: "linear", ...stream }), // N×F, or N×2F of gates, too, and N×C
      mlpPiece(shape),
    )),
  );
}

/** Into how many equal chunks so many channels can be cut: as many as there are heads, or the most below that divide them. */
export function chunksOf(channels: number, heads: number): number {
  while (channels % heads !== 0) heads--;
  return heads;
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
    if (layer === 0) return recompute(sequence(start, within({ layer }, blockOf(0))), input);
    return within({ layer }, recompute(blockOf(layer), input, { key: `block ${layer} input`, ...input }));
  });
}
