import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { type Operand, overwritten, plain } from "../../src/gpu/operand.ts";
import { padded, type Tensor } from "../../src/gpu/tensor.ts";
import type { AttentionShape } from "./attention_shape.ts";
import { threadsFor } from "../shared/elementwise.ts";
import reduceText from "../shared/reduce.wgsl" with { type: "text" };
import backwardText from "./softmax_backward.wgsl" with { type: "text" };
import forwardText from "./softmax_forward.wgsl" with { type: "text" };

/** What the softmax of attention works on: rows of `sequence` keys for each head. */
export type SoftmaxShape = Pick<AttentionShape, "sequence" | "heads" | "causal">;

/** Columns of a matrix of scores or probabilities: for each head the keys, and zeros up to a whole vector of four. */
export function scoreColumns({ sequence, heads }: Pick<SoftmaxShape, "sequence" | "heads">): number {
  return heads * padded(sequence);
}

/** Emits one of the kernels over windows of whole sequences: `out` is bound in group 0, `x` is its operand `name`. */
function emit(
  builder: ProgramBuilder,
  kernel: { label: string; name: string; text: string; reductions: number },
  x: Pick<Operand, "code" | "bindings">,
  out: { tensor: Tensor; access: "write" | "update" },
  others: readonly Tensor[],
  shape: SoftmaxShape,
): void {
  const { sequence, heads, causal } = shape;
  const tensors = [out.tensor, ...others];
  const wrong = tensors.find(({ cols }) => cols !== scoreColumns(shape));
  if (wrong) {
    throw new RangeError(`${wrong.name} has ${wrong.cols} columns where ${scoreColumns(shape)} are expected`);
  }
  const vectors = padded(sequence) / 4;
  for (const window of builder.windows(tensors, sequence)) {
    const workgroups = window.rows * heads;
    builder.dispatch({
      kernel: {
        label: kernel.label,
        code: x.code(kernel.name, 1) + reduceText + kernel.text,
        constants: { vectors, causal: Number(causal), threads: threadsFor(vectors) },
      },
      bindings: [{ group: 0, index: 1, ...out, ...window }, ...x.bindings(1, window)],
      parameters: { rows: window.rows, sequence, heads },
      workgroups,
      flops: kernel.reductions * 4 * workgroups * sequence,
    });
  }
}

/**
 * Emits P = softmax(S) by rows and heads, both N × heads·(sequence rounded up to whole vectors of four). P may be S. Padding becomes zero,
 * and with `causal` the keys after the query, whatever S holds there.
 */
export function softmaxForward(builder: ProgramBuilder, s: Tensor, p: Tensor, shape: SoftmaxShape): void {
  const inPlace = s === p;
  emit(
    builder,
    { label: "softmax_forward", name: "s", text: forwardText, reductions: 2 },
    inPlace ? overwritten(p, "probabilities") : plain(s),
    { tensor: p, access: inPlace ? "update" : "write" },
    [s],
    shape,
  );
}

/** Emits dS = P ∘ (dP − rowsum(P ∘ dP)) by rows and heads in the place of dP (`d`); P as it was kept. What P masks becomes zero. */
export function softmaxBackward(builder: ProgramBuilder, p: Operand, d: Tensor, shape: SoftmaxShape): void {
  emit(
    builder,
    { label: "softmax_backward", name: "p", text: backwardText, reductions: 1 },
    p,
    { tensor: d, access: "update" },
    [p.tensor],
    shape,
  );
}
