/** Plain float64 AdamW (Loshchilov, Hutter, arXiv 1711.05101) and gradient clipping by the global norm, in PyTorch's order of operations. */

/** What one parameter tensor takes through a step; all four have the same length. */
export interface AdamwState {
  parameter: Float64Array;
  gradient: Float64Array;
  /** First moment: running mean of the gradient. */
  m: Float64Array;
  /** Second moment: running mean of its square. */
  v: Float64Array;
}

export interface AdamwOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
}

/**
 * One step, in place: p ← p·(1 − lr·decay) if `decayed`; m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²;
 * p ← p − lr·m̂/(√v̂ + ε) with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ).
 *
 * @param step t, from 1
 */
export function adamwStep(
  { parameter, gradient, m, v }: AdamwState,
  step: number,
  { learningRate, beta1, beta2, epsilon, weightDecay }: AdamwOptions,
  decayed: boolean,
): void {
  const correction1 = 1 - beta1 ** step;
  const correction2 = 1 - beta2 ** step;
  for (let i = 0; i < parameter.length; i++) {
    if (decayed) parameter[i] *= 1 - learningRate * weightDecay;
    m[i] = beta1 * m[i] + (1 - beta1) * gradient[i];
    v[i] = beta2 * v[i] + (1 - beta2) * gradient[i] ** 2;
    parameter[i] -= learningRate * (m[i] / correction1) / (Math.sqrt(v[i] / correction2) + epsilon);
  }
}

/** Euclidean norm of all gradients taken as one vector. */
export function gradientNorm(gradients: Iterable<Float64Array>): number {
  let sum = 0;
  for (const gradient of gradients) sum = gradient.reduce((total, value) => total + value ** 2, sum);
  return Math.sqrt(sum);
}

/** Factor that brings gradients of that norm to at most `clipNorm`, as `torch.nn.utils.clip_grad_norm_` has it. */
export function clipScale(norm: number, clipNorm: number): number {
  return Math.min(1, clipNorm / (norm + 1e-6));
}

/** The nearest number of bf16: eight bits of significand, ties to even. */
export function nearestBf16(value: number): number {
  const unit = 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(value)))) - 7);
  const [below, rest] = [Math.floor(value / unit), value / unit - Math.floor(value / unit)];
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  return value === 0 ? 0 : (below + Number(up)) * unit;
}

/**
 * Moments as codes of 8 bits hold them: of m the nearest of 255 steps from −max|m| to max|m| of its block; of v the square of the nearest
 * of 255 steps of √v up to √max v, and never of none.
 */
export function inBlocks(
  m: Float64Array,
  v: Float64Array,
  block = 256,
): { m: Float64Array; v: Float64Array } {
  const out = { m: new Float64Array(m.length), v: new Float64Array(v.length) };
  for (let first = 0; first < m.length; first += block) {
    const end = Math.min(first + block, m.length);
    const step = m.subarray(first, end).reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127;
    const root = Math.sqrt(v.subarray(first, end).reduce((a, b) => Math.max(a, b), 0)) / 255;
    for (let i = first; i < end; i++) {
      if (step > 0) out.m[i] = Math.round(m[i] / step) * step;
      if (root > 0) out.v[i] = (Math.max(1, Math.round(Math.sqrt(v[i]) / root)) * root) ** 2;
    }
  }
  return out;
}
