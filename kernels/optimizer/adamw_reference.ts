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
