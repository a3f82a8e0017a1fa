/**
 * Plain float64 attention with its probabilities kept. Rows are tokens, N = batch·sequence of them; `qkv` is [N, C + 2K] as in
 * attention_reference.ts, and P is [N, heads·sequence]: by token and head, the probability of each key of the sequence.
 */
import { type AttentionShape, columnsOf } from "./attention_reference.ts";
import { matmulNN, matmulNT, matmulTN } from "../products/matmul_reference.ts";
import { softmaxBackward, softmaxForward } from "./softmax_reference.ts";

/** The columns of one head in the rows of one sequence. */
interface Block {
  readonly part: number;
  readonly cols: number;
  readonly column: number;
  readonly width: number;
}

/** A head's columns of [N, C + 2K]. */
function channels(shape: AttentionShape, part: number, which: "q" | "k" | "v"): Block {
  const columns = columnsOf(shape, part % shape.heads);
  return { part, cols: columns.all, column: columns[which], width: shape.headSize };
}

/** A head's columns of [N, C]. */
function outputs({ heads, headSize }: AttentionShape, part: number): Block {
  return { part, cols: heads * headSize, column: part % heads * headSize, width: headSize };
}

const each = ["q", "k", "v"] as const;

/** A head's columns of P. */
function keys({ heads, sequence }: AttentionShape, part: number): Block {
  return { part, cols: heads * sequence, column: part % heads * sequence, width: sequence };
}

function offset({ sequence, heads }: AttentionShape, { part, cols, column }: Block, row: number): number {
  return (Math.floor(part / heads) * sequence + row) * cols + column;
}

/** Copies a block out of a matrix, [sequence, width]. */
function read(matrix: Float64Array, shape: AttentionShape, block: Block): Float64Array {
  const out = new Float64Array(shape.sequence * block.width);
  for (let row = 0; row < shape.sequence; row++) {
    const first = offset(shape, block, row);
    out.set(matrix.subarray(first, first + block.width), row * block.width);
  }
  return out;
}

/** Adds a block to a matrix's: heads may share one. */
function write(values: Float64Array, matrix: Float64Array, shape: AttentionShape, block: Block): void {
  for (let row = 0; row < shape.sequence; row++) {
    const first = offset(shape, block, row);
    for (let i = 0; i < block.width; i++) matrix[first + i] += values[row * block.width + i];
  }
}

/** S = q·kᵀ/√headSize, [N, heads·sequence]; not-a-number for keys after a query that sees none, of which nothing is said. */
export function attentionScores(qkv: Float64Array, shape: AttentionShape): Float64Array {
  const { batch, sequence, heads, headSize, causal } = shape;
  const out = new Float64Array(batch * sequence * heads * sequence);
  for (let part = 0; part < batch * heads; part++) {
    const [q, k] = each.map((which) => read(qkv, shape, channels(shape, part, which)));
    const s = matmulNT(q, k, { m: sequence, n: sequence, k: headSize }).map((x, i) => {
      const [query, key] = [Math.floor(i / sequence), i % sequence];
      return causal && key > query ? NaN : x / Math.sqrt(headSize);
    });
    write(s, out, shape, keys(shape, part));
  }
  return out;
}

/** P = softmax(q·kᵀ/√headSize), [N, heads·sequence]. */
export function attentionProbabilities(qkv: Float64Array, shape: AttentionShape): Float64Array {
  const { batch, sequence, heads, causal } = shape;
  const scores = attentionScores(qkv, shape);
  const out = new Float64Array(scores.length);
  for (let part = 0; part < batch * heads; part++) {
    const block = keys(shape, part);
    const p = softmaxForward(read(scores, shape, block), sequence, (row) => causal ? row + 1 : sequence);
    write(p, out, shape, block);
  }
  return out;
}

/**
 * Gradient of attention from kept probabilities: dv = Pᵀ·dO from `forV`; dS = P ∘ (dO·vᵀ − rowsum(P ∘ dO·vᵀ)) from `forS`;
 * dq = dS·k/√headSize, dk = dSᵀ·q/√headSize. A caller may pass rounded values.
 *
 * @param dOutput [N, C]
 * @param qkv [N, C + 2K]
 * @returns dQkv [N, C + 2K]
 */
export function materialisedBackward(
  dOutput: Float64Array,
  qkv: Float64Array,
  { forV, forS }: { forV: Float64Array; forS: Float64Array },
  shape: AttentionShape,
): Float64Array {
  const { batch, sequence, heads, headSize } = shape;
  const dQkv = new Float64Array(qkv.length);
  const onto = { m: sequence, n: headSize, k: sequence };
  for (let part = 0; part < batch * heads; part++) {
    const [q, k, v] = each.map((which) => read(qkv, shape, channels(shape, part, which)));
    const dO = read(dOutput, shape, outputs(shape, part));
    const dP = matmulNT(dO, v, { m: sequence, n: sequence, k: headSize });
    const dS = softmaxBackward(read(forS, shape, keys(shape, part)), dP, sequence)
      .map((x) => x / Math.sqrt(headSize));
    const gradients = [
      matmulNN(dS, k, onto),
      matmulTN(dS, q, onto),
      matmulTN(read(forV, shape, keys(shape, part)), dO, onto),
    ];
    gradients.forEach((gradient, i) => write(gradient, dQkv, shape, channels(shape, part, each[i])));
  }
  return dQkv;
}
