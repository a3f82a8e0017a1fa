/**
 * Pre-norm Transformer blocks in plain float64, with what a storage policy keeps of them: N = batch·sequence rows, C = width.
 */

import { gelu, geluDerivative } from "../../../kernels/activations/gelu_reference.ts";
import { swiglu, swigluBackward } from "../../../kernels/activations/swiglu_reference.ts";
import {
  attentionBackward,
  attentionForward,
  type AttentionShape,
} from "../../../kernels/attention/attention_reference.ts";
import {
  attentionProbabilities,
  attentionScores,
  materialisedBackward,
} from "../../../kernels/attention/materialised_attention_reference.ts";
import { rotated } from "../../../kernels/embedding/rotary_reference.ts";
import type { NormKind } from "../../../kernels/norms/layer_norm.ts";
import { layerNormForward } from "../../../kernels/norms/layer_norm_reference.ts";
import type { GeluKind } from "../../gpu/operand.ts";
import { padded } from "../../gpu/tensor.ts";
import type { SavedKind } from "../../storage/policy_document.ts";
import type { ReferenceTape } from "./reference_storage.ts";
import { add, type ReferenceLayers } from "./transformer_reference.ts";

/** The layers of a block by name, such as "h.0.attn.c_attn", and the name of the whole, such as "h.0". */
export interface BlockNames {
  block: string;
  norm1: string;
  qkv: string;
  project: string;
  norm2: string;
  widen: string;
  narrow: string;
}

/** What all blocks of a model have in common. */
export interface BlockOptions {
  attention: AttentionShape;
  epsilon: number;
  /** LayerNorm if left out. */
  norm?: NormKind;
  activation: GeluKind | "swiglu";
  /** Radians a position of each pair of a head's channels, where positions are rotary. */
  rotary?: readonly number[];
}

/** A tensor's gradient behind some layers mapped to that before them. */
export type Backward = (dResult: Float64Array) => Float64Array;

/**
 * Runs a chain of pre-norm blocks: x ← x + attention(norm1(x)), then x ← x + MLP(norm2(x)).
 *
 * Forward is exact. A block saves the outputs of both norms before γ and β [N, C] under the names of `norm1` and `norm2`, q | k | v
 * [N, C + 2K] as "BLOCK.attn.qkv", rotated where positions are rotary, the output of attention before its projection [N, C] as "BLOCK.attn output", and the activation's input
 * [N, F], or of SwiGLU [N, 2F], as "BLOCK.mlp.gelu_input" or "BLOCK.mlp.swiglu_input"; where the tape's plan says so, other tensors or fewer. Backward reads each saved tensor as the tape gives it
 * back, and exact values of what is not stored: every norm's rstd and attention's log-sum-exp. Where the input of a linear layer is
 * a function of a saved tensor (γ·x̂ + β after a norm, the activation before the second MLP layer) its weight gradient takes that function of
 * the stored one; and what is made again is made from what was stored.
 *
 * @param x [N, C]
 */
export function runBlocks(
  layers: ReferenceLayers,
  blocks: readonly BlockNames[],
  x: Float64Array,
  options: BlockOptions,
  tape: ReferenceTape,
): { result: Float64Array; backward: Backward } {
  const backwards: Backward[] = [];
  let result = x;
  blocks.forEach((names, i) => {
    const block = new Block(layers, names, i, options, tape);
    const forward = block.forward(result);
    const kept = block.keep(result, forward);
    backwards.unshift((d) => block.backward(d, kept));
    result = forward.result;
  });
  return { result, backward: (dResult) => backwards.reduce((dx, block) => block(dx), dResult) };
}

/** What a block computes. */
interface Forward {
  norm1: ReturnType<typeof layerNormForward>;
  qkv: Float64Array;
  attended: ReturnType<typeof attentionForward>;
  norm2: ReturnType<typeof layerNormForward>;
  hidden: Float64Array;
  result: Float64Array;
}

/** What its backward reads: the rows of both norms with their rstd, GELU's input, the input of each linear layer, and attention. */
interface Kept {
  norm1: Forward["norm1"];
  norm2: Forward["norm2"];
  hidden: Float64Array;
  inputs: { qkv: Float64Array; project: Float64Array; widen: Float64Array; narrow: Float64Array };
  attention: Backward;
}

class Block {
  constructor(
    private readonly layers: ReferenceLayers,
    private readonly names: BlockNames,
    private readonly layer: number,
    private readonly options: BlockOptions,
    private readonly tape: ReferenceTape,
  ) {}

  forward(x: Float64Array): Forward {
    const { layers, names, options: { attention, epsilon, norm } } = this;
    const rows = this.tape.rows, width = x.length / rows;
    const norm1 = layerNormForward(x, rows, width, epsilon, norm);
    const qkv = this.#mixed(norm1.normalized);
    const attended = attentionForward(qkv, attention);
    const middle = add(x, layers.linear(names.project, attended.output, rows));
    const norm2 = layerNormForward(middle, rows, width, epsilon, norm);
    const hidden = this.#widened(norm2.normalized);
    const result = add(middle, layers.linear(names.narrow, this.#activated(hidden), rows));
    return { norm1, qkv, attended, norm2, hidden, result };
  }

  /** What the policy keeps of a block over x; of one that is made again, all that follows from its input. */
  keep(x: Float64Array, exact: Forward): Kept {
    const { layer, names, tape } = this;
    if (this.#recomputes("block_input")) {
      // The first block is made again from what the stream is made of, which is at hand.
      return this.#itself(
        layer === 0 ? exact : this.forward(this.#save(`block ${layer} input`, "block_input", x)),
      );
    }
    const mlp = `${names.block}.mlp`;
    const hiddenName = `${mlp}.${this.options.activation === "swiglu" ? "swiglu" : "gelu"}_input`;
    const norm1 = {
      ...exact.norm1,
      normalized: this.#save(names.norm1, "layer_norm", exact.norm1.normalized),
    };
    const scaled1 = (norm: Forward["norm1"]) => this.layers.scaled(names.norm1, norm.normalized);
    const qkvInput = this.#input(`${names.block}.attn.qkv`, () => scaled1(exact.norm1), () => scaled1(norm1));
    const { backward: attention, input: project } = tape.plan.attention === "fused"
      ? this.#keepFused(norm1.normalized, exact)
      : this.#keepMaterialised(exact);
    const norm2 = {
      ...exact.norm2,
      normalized: this.#save(names.norm2, "layer_norm", exact.norm2.normalized),
    };
    const scaled2 = (norm: Forward["norm2"]) => this.layers.scaled(names.norm2, norm.normalized);
    const widen = this.#input(hiddenName, () => scaled2(exact.norm2), () => scaled2(norm2));
    const hidden = this.#recomputes("gelu")
      ? this.#widened(norm2.normalized)
      : this.#save(hiddenName, "gelu", exact.hidden);
    const narrow = this.#input(
      `${mlp}.narrow`,
      () => this.#activated(exact.hidden),
      () => this.#activated(hidden),
    );
    return { norm1, norm2, hidden, inputs: { qkv: qkvInput, project, widen, narrow }, attention };
  }

  backward(dResult: Float64Array, { norm1, norm2, hidden, inputs, attention }: Kept): Float64Array {
    const { names, options: { activation, norm: kind } } = this;
    const linear = (name: string, dy: Float64Array, input: Float64Array) =>
      this.layers.linearBackward(name, dy, input, this.tape.rows);
    const norm = (name: string, dy: Float64Array, { normalized, rstd }: Kept["norm1"]) =>
      this.layers.normBackward(name, dy, normalized, rstd, kind);
    const dActivated = linear(names.narrow, dResult, inputs.narrow);
    const dHidden = activation === "swiglu"
      ? swigluBackward(dActivated, hidden, this.#hidden(hidden))
      : dActivated.map((value, i) => value * geluDerivative(hidden[i], activation));
    const dNorm2 = linear(names.widen, dHidden, inputs.widen);
    const dMiddle = add(dResult, norm(names.norm2, dNorm2, norm2));
    const dQkv = this.#rotated(attention(linear(names.project, dMiddle, inputs.project)), { back: true });
    const dNorm1 = linear(names.qkv, dQkv, inputs.qkv);
    return add(dMiddle, norm(names.norm1, dNorm1, norm1));
  }

  #mixed(norm1: Float64Array): Float64Array {
    const input = this.layers.scaled(this.names.norm1, norm1);
    return this.#rotated(this.layers.linear(this.names.qkv, input, this.tape.rows));
  }

  /** Queries and keys rotated by their positions, where these are rotary; or their gradients, back. */
  #rotated(qkv: Float64Array, options = {}): Float64Array {
    const { rotary: frequencies, attention: { sequence, heads, keyHeads = heads } } = this.options;
    if (!frequencies) return qkv;
    return rotated(
      qkv,
      qkv.length / this.tape.rows,
      { sequence, heads: heads + keyHeads, frequencies },
      options,
    );
  }

  #widened(norm2: Float64Array): Float64Array {
    return this.layers.linear(this.names.widen, this.layers.scaled(this.names.norm2, norm2), this.tape.rows);
  }

  #activated(hidden: Float64Array): Float64Array {
    const { activation } = this.options;
    if (activation === "swiglu") return swiglu(hidden, this.#hidden(hidden));
    return hidden.map((value) => gelu(value, activation));
  }

  /** Gates of a row. */
  #hidden(hidden: Float64Array): number {
    return hidden.length / this.tape.rows / 2;
  }

  #saved(kind: SavedKind) {
    return { kind, layer: this.layer, heads: this.options.attention.heads };
  }

  #recomputes(kind: SavedKind): boolean {
    return this.tape.plan.recomputes(this.#saved(kind));
  }

  #save(key: string, kind: SavedKind, tensor: Float64Array): Float64Array {
    return this.tape.save(key, this.#saved(kind), tensor);
  }

  /** A linear layer's input: given by what is saved, or stored for its own sake. */
  #input(name: string, exact: () => Float64Array, given: () => Float64Array): Float64Array {
    return this.tape.plan.reuse ? given() : this.#save(`${name} input`, "linear", exact());
  }

  #itself({ norm1, qkv, attended, norm2, hidden }: Forward): Kept {
    const { layers, names, options } = this;
    const { output, logSumExp } = attended;
    return {
      norm1,
      norm2,
      hidden,
      inputs: {
        qkv: layers.scaled(names.norm1, norm1.normalized),
        project: output,
        widen: layers.scaled(names.norm2, norm2.normalized),
        narrow: this.#activated(hidden),
      },
      attention: (d) => attentionBackward(d, qkv, output, logSumExp, options.attention),
    };
  }

  /** Attention whose backward computes the probabilities again, and the input of the projection behind it. */
  #keepFused(norm1: Float64Array, exact: Forward): { backward: Backward; input: Float64Array } {
    const { options: { attention } } = this;
    const attn = `${this.names.block}.attn`;
    const remade = this.#recomputes("qkv");
    const qkv = remade ? this.#mixed(norm1) : this.#save(`${attn}.qkv`, "qkv", exact.qkv);
    const { output, logSumExp } = remade || this.#recomputes("output")
      ? attentionForward(qkv, attention)
      : { ...exact.attended, output: this.#save(`${attn} output`, "output", exact.attended.output) };
    return {
      backward: (d) => attentionBackward(d, qkv, output, logSumExp, attention),
      input: this.#input(`${attn}.proj`, () => exact.attended.output, () => output),
    };
  }

  /** Attention whose probabilities are kept. Where every operator stores its own input, they are twice, and the softmax's input is. */
  #keepMaterialised(exact: Forward): { backward: Backward; input: Float64Array } {
    const { tape: { plan: { reuse } }, options: { attention } } = this;
    const attn = `${this.names.block}.attn`;
    const byKeys = (key: string, kind: SavedKind, tensor: Float64Array) =>
      withoutPadding(this.#save(`${attn} ${key}`, kind, withPadding(tensor, attention)), attention);
    if (!reuse) byKeys("logits", "logits", attentionScores(exact.qkv, attention));
    const probabilities = attentionProbabilities(exact.qkv, attention);
    const forS = byKeys("probabilities", "probabilities", probabilities);
    const forV = reuse ? forS : byKeys("probabilities again", "probabilities", probabilities);
    const qkv = this.#save(`${attn}.qkv`, "qkv", exact.qkv);
    return {
      backward: (d) => materialisedBackward(d, qkv, { forV, forS }, attention),
      input: this.#save(`${attn}.proj input`, "linear", exact.attended.output),
    };
  }
}

/** Keys of each head [N, heads·sequence] as they are stored: zeros behind them, up to a whole vector of four. */
function withPadding(byKeys: Float64Array, { sequence }: AttentionShape): Float64Array {
  const width = padded(sequence);
  const out = new Float64Array(byKeys.length / sequence * width);
  for (let i = 0; i < byKeys.length; i++) out[Math.floor(i / sequence) * width + i % sequence] = byKeys[i];
  return out;
}

function withoutPadding(stored: Float64Array, { sequence }: AttentionShape): Float64Array {
  const width = padded(sequence);
  return stored.filter((_, i) => i % width < sequence);
}
