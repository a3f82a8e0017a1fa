import type { AttentionShape } from "../../kernels/attention/attention.ts";
import type { NormKind } from "../../kernels/norms/layer_norm.ts";
import type { GeluKind } from "../gpu/operand.ts";
import type { SavedTensor } from "../storage/policy.ts";
import { attention, savedQkv } from "./attention.ts";
import { gelu } from "./gelu.ts";
import { type Layer, residual, sequence } from "./layer.ts";
import { layerNorm, type LayerNormParameters } from "./layer_norm.ts";
import { linear, type LinearParameters } from "./linear.ts";
import { mlpPiece, pieces } from "./pieces.ts";
import { recompute } from "./recompute.ts";
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
}

/** Names of a block's saved tensors: its own, and those of its two LayerNorms. */
export interface BlockNames {
  readonly block: string;
  readonly norm1: string;
  readonly norm2: string;
}

/**
 * A pre-norm Transformer block over the residual stream x (N×C): x + project(attention(qkv(norm(x)))), then x + narrow(gelu(widen(norm(x)))), as
 * GPT-2 and ViT have it; Llama's queries and keys are rotated by their positions first, and its activation is SwiGLU. Block `layer`, from 0. What is kept of it stands where it is made; each `recompute` names what a policy
 * can have made again instead. Returns the two halves, one after the other.
 */
export function block(names: BlockNames, layer: number, p: BlockParameters, shape: BlockShape): Layer {
  const { epsilon, norm: kind, heads, keyHeads = heads } = shape;
  const place = { layer, heads };
  /** Where tensors of so many channels stand that belong to no heads. */
  const chunks = (channels: number) => ({ layer, heads: chunksOf(channels, heads) });
  const [stream, inside] = [chunks(p.qkv.weight.rows), chunks(p.narrow.weight.rows)];
  const [attn, mlp] = [`${names.block}.attn`, `${names.block}.mlp`];
  const output: SavedTensor = { kind: "output", ...place };
  const hidden: SavedTensor = {
    kind: "gelu",
    ...inside,
    ...shape.activation === "swiglu" && { parts: 2 },
  };
  const kept = { key: `${mlp}.${shape.activation === "swiglu" ? "swiglu" : "gelu"}_input`, ...hidden };
  const qkv = savedQkv(attn, place, shape);

  const attend = recompute(attention(attn, shape, place), output, qkv);
  const { rotary: frequencies, sequence: tokens } = shape;
  const positions = frequencies
    ? [rotary(`${attn}.qkv rotated`, { frequencies, sequence: tokens, heads: heads + keyHeads })]
    : [];
  const mixing = sequence(
    linear(p.qkv, { name: `${attn}.qkv`, output: qkv, ...stream }), // N×3C, or N×(C + 2K)
    ...positions,
    attend, // N×C
  );
  const widening = sequence(
    linear(p.widen, { name: kept.key, output: hidden, ...stream }),
    shape.activation === "swiglu" ? swiglu(kept) : gelu(shape.activation, kept),
    linear(p.narrow, { name: `${mlp}.narrow`, ...inside }),
  );
  return sequence(
    residual(sequence(
      layerNorm(p.norm1, { name: names.norm1, epsilon, kind, place: stream }), // N×C
      recompute(mixing, qkv, { key: `${attn}.qkv input`, kind: "linear", ...stream }),
      linear(p.project, { name: `${attn}.proj`, ...place }), // N×C
    )),
    residual(sequence(
      layerNorm(p.norm2, { name: names.norm2, epsilon, kind, place: stream }), // N×C
      pieces( // N×F, N×C
        recompute(widening, hidden, { key: `${mlp}.widen input`, kind: "linear", ...stream }),
        mlpPiece(shape),
      ),
    )),
  );
}

/** The most equal chunks of so many channels, up to as many as there are heads. */
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
    if (layer === 0) return recompute(sequence(start, blockOf(0)), input);
    return recompute(blockOf(layer), input, { key: `block ${layer} input`, ...input });
  });
}
