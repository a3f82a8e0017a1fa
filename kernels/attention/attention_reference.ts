/**
 * Plain float64 multi-head attention. Rows are tokens, N = batch·sequence of them; `qkv` is [N, C + 2K] with columns q | k | v and the heads
 * contiguous inside each, C = heads·headSize and K = keyHeads·headSize: a key head is read by heads/keyHeads neighbouring heads (Ainslie et al.,
 * arXiv 2305.13245). Backward recomputes the probabilities from the log-sum-exp, as FlashAttention does
 * (Dao et al., arXiv 2205.14135), so that no sequence × sequence tensor has to be kept.
 */

/** Sizes of an attention; `causal` lets a token see itself and the tokens before it only. There are as many key heads as heads if left out. */
export interface AttentionShape {
  batch: number;
  sequence: number;
  heads: number;
  keyHeads?: number;
  headSize: number;
  causal: boolean;
}

/** Columns of qkv, and where a head's queries, keys and values begin among them. */
export function columnsOf(
  { heads, keyHeads = heads, headSize }: Omit<AttentionShape, "batch" | "sequence" | "causal">,
  head = 0,
) {
  const key = heads + Math.floor(head * keyHeads / heads);
  return {
    all: (heads + 2 * keyHeads) * headSize,
    q: head * headSize,
    k: key * headSize,
    v: (key + keyHeads) * headSize,
  };
}

/**
 * S = q·kᵀ/√headSize, P = softmax(S) by row, output = P·v.
 *
 * @param qkv [N, C + 2K]
 * @returns `output` [N, C] and `logSumExp` [N, heads], the logarithm of each row's Σ exp(S)
 */
export function attentionForward(
  qkv: Float64Array,
  shape: AttentionShape,
): { output: Float64Array; logSumExp: Float64Array } {
  const { heads, headSize } = shape;
  const width = heads * headSize;
  const output = new Float64Array(shape.batch * shape.sequence * width);
  const logSumExp = new Float64Array(output.length / headSize);
  forEachQuery(shape, (query, keys, head) => {
    const scores = keys.map((key) => score(qkv, query, key, head, shape));
    const maximum = scores.reduce((a, b) => Math.max(a, b));
    const total = scores.reduce((sum, s) => sum + Math.exp(s - maximum), 0);
    logSumExp[query * heads + head] = maximum + Math.log(total);
    const { all, q, v } = columnsOf(shape, head);
    keys.forEach((key, i) => {
      const probability = Math.exp(scores[i] - maximum) / total;
      for (let d = 0; d < headSize; d++) {
        output[query * width + q + d] += probability * qkv[key * all + v + d];
      }
    });
  });
  return { output, logSumExp };
}

/**
 * Gradient of `attentionForward` from whatever was kept: P = exp(S − logSumExp), at most 1, dv = Pᵀ·dO, dP = dO·vᵀ, dS = P·(dP − δ) with
 * δ = rowsum(dO ∘ output), dq = dS·k/√headSize, dk = dSᵀ·q/√headSize. δ comes from the *given* output; a caller may pass rounded q, k, v
 * and output.
 *
 * @param dOutput [N, C]
 * @param qkv [N, C + 2K]
 * @param output [N, C]
 * @param logSumExp [N, heads]
 * @returns dQkv [N, C + 2K]
 */
export function attentionBackward(
  dOutput: Float64Array,
  qkv: Float64Array,
  output: Float64Array,
  logSumExp: Float64Array,
  shape: AttentionShape,
): Float64Array {
  const { heads, headSize } = shape;
  const width = heads * headSize;
  const scale = 1 / Math.sqrt(headSize);
  const dQkv = new Float64Array(qkv.length);
  const deltas = attentionDelta(dOutput, output, headSize);
  forEachQuery(shape, (query, keys, head) => {
    const channels = Array.from({ length: headSize }, (_, d) => d);
    const delta = deltas[query * heads + head];
    const columns = columnsOf(shape, head);
    const o = query * width + columns.q;
    for (const key of keys) {
      const q = query * columns.all + columns.q;
      const [k, v] = [columns.k, columns.v].map((column) => key * columns.all + column);
      const probability = Math.exp(
        Math.min(score(qkv, query, key, head, shape) - logSumExp[query * heads + head], 0),
      );
      const dProbability = channels.reduce((sum, d) => sum + dOutput[o + d] * qkv[v + d], 0);
      const dScore = probability * (dProbability - delta);
      for (const d of channels) {
        dQkv[q + d] += scale * dScore * qkv[k + d];
        dQkv[k + d] += scale * dScore * qkv[q + d];
        dQkv[v + d] += probability * dOutput[o + d];
      }
    }
  });
  return dQkv;
}

/** δ = rowsum(dO ∘ output) by row and head, [N, heads] from two matrices [N, C]. */
export function attentionDelta(dOutput: Float64Array, output: Float64Array, headSize: number): Float64Array {
  const delta = new Float64Array(output.length / headSize);
  output.forEach((value, i) => delta[Math.floor(i / headSize)] += dOutput[i] * value);
  return delta;
}

/** Calls `visit` for every query row and head, with the rows of the keys that the query sees. */
function forEachQuery(
  { batch, sequence, heads, causal }: AttentionShape,
  visit: (query: number, keys: number[], head: number) => void,
) {
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < sequence; t++) {
      const keys = Array.from({ length: causal ? t + 1 : sequence }, (_, s) => b * sequence + s);
      for (let head = 0; head < heads; head++) visit(b * sequence + t, keys, head);
    }
  }
}

/** q·k/√headSize of one query row, key row and head. */
function score(
  qkv: Float64Array,
  query: number,
  key: number,
  head: number,
  shape: AttentionShape,
): number {
  const { all, q, k } = columnsOf(shape, head);
  let sum = 0;
  for (let d = 0; d < shape.headSize; d++) sum += qkv[query * all + q + d] * qkv[key * all + k + d];
  return sum / Math.sqrt(shape.headSize);
}
