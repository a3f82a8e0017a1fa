import {
  attentionBackwardKey,
  attentionBackwardQuery,
  attentionForward,
} from "../../kernels/attention/attention.ts";
import { attentionVariants } from "../../kernels/attention/attention_choice.ts";
import {
  attentionFlops,
  type AttentionKernel,
  attentionKey,
  type AttentionShape,
} from "../../kernels/attention/attention_shape.ts";
import { type AttentionVariant, attentionVariantName } from "../../kernels/attention/attention_variant.ts";
import type { BuilderOptions, ProgramBuilder } from "../../src/gpu/builder.ts";
import { plain } from "../../src/gpu/operand.ts";
import { tuningScales } from "../../src/tuning/tuning_case.ts";
import type { KernelCase } from "./kernel_cases.ts";

const kernels: readonly AttentionKernel[] = ["forward", "backward_query", "backward_key"];

/** GPT-2 small at its usual length, and one long sequence of wide heads; on a software adapter, what it makes in a moment. */
const shapes: Record<"gpu" | "software", readonly AttentionShape[]> = {
  gpu: [
    { batch: 16, heads: 12, sequence: 1024, headSize: 64, causal: true },
    { batch: 1, heads: 32, sequence: 16384, headSize: 128, causal: true },
  ],
  software: [{ batch: 1, heads: 2, sequence: 64, headSize: 32, causal: true }],
};

/** Variants of each kernel that are timed: the likeliest. */
const likely = 4;

/** Each kernel of attention in each of its likely variants. */
export function attentionCases(adapter: BuilderOptions & { adapterClass: "gpu" | "software" }): KernelCase[] {
  return shapes[adapter.adapterClass].flatMap((shape) =>
    kernels.flatMap((kernel) =>
      attentionVariants(kernel, shape, { subgroupSize: 0, ...adapter })
        .slice(0, likely)
        .map((variant): KernelCase => ({
          name: `${attentionKey(kernel, shape)}: ${attentionVariantName(variant)}`,
          bound: "arithmetic",
          work: attentionFlops(kernel, shape),
          emit: (builder) => emitAttention(builder, kernel, shape, variant),
        }))
    )
  );
}

function emitAttention(
  builder: ProgramBuilder,
  kernel: AttentionKernel,
  shape: AttentionShape,
  variant: AttentionVariant,
) {
  const { batch, sequence, heads, headSize } = shape;
  const matrix = (name: string, cols: number, stride?: number) =>
    builder.tensor(name, batch * sequence, cols, {
      category: "transient",
      ...(stride === undefined ? {} : { stride }),
    });
  const [qkv, d] = [matrix("qkv", 3 * heads * headSize), matrix("d", heads * headSize)];
  const [logSumExp, delta] = ["log-sum-exp", "delta"].map((name) => matrix(name, heads, heads));
  const options = { variants: { [kernel]: variant }, scaling: tuningScales };
  if (kernel === "forward") {
    attentionForward(builder, plain(qkv), matrix("o", heads * headSize), logSumExp, shape, options);
    return [qkv];
  }
  const emit = kernel === "backward_query" ? attentionBackwardQuery : attentionBackwardKey;
  emit(builder, plain(qkv), { logSumExp, delta }, d, matrix("dqkv", 3 * heads * headSize), shape, options);
  return [qkv, d, logSumExp, delta];
}
