import {
  attentionBackwardKey,
  attentionBackwardQuery,
  attentionForwardKernel,
} from "../../kernels/attention/attention.ts";
import { attentionVariants } from "../../kernels/attention/attention_choice.ts";
import {
  attentionFlops,
  type AttentionKernel,
  attentionKey,
  type AttentionShape,
  type HalvedInputs,
} from "../../kernels/attention/attention_shape.ts";
import type { Inputs } from "../../kernels/attention/attention_inputs.ts";
import { type AttentionVariant, attentionVariantName } from "../../kernels/attention/attention_variant.ts";
import { inScaledHalves } from "../../kernels/products/scaled_halves.ts";
import type { BuilderOptions, ProgramBuilder } from "../../src/gpu/builder.ts";
import { plain, scaledHalves } from "../../src/gpu/operand.ts";
import { sharingGroup } from "../../src/gpu/operand_windows.ts";
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

/** What a kernel reads as scaled halves where a step in f16 has room for these. */
const halvedOf = (kernel: AttentionKernel): HalvedInputs => ({
  qkv: true,
  ...kernel !== "forward" && { d: true },
});

/** Each kernel of attention in each of its likely variants, in f16 of scaled halves, too. */
export function attentionCases(adapter: BuilderOptions & { adapterClass: "gpu" | "software" }): KernelCase[] {
  return shapes[adapter.adapterClass].flatMap((shape) =>
    kernels.flatMap((kernel) =>
      [{}, ...adapter.arithmetic === "f16" ? [halvedOf(kernel)] : []].flatMap((halved) =>
        attentionVariants(kernel, shape, { subgroupSize: 0, ...adapter })
          .slice(0, likely)
          .map((variant): KernelCase => ({
            name: `${attentionKey(kernel, shape, halved)}: ${attentionVariantName(variant)}`,
            bound: "arithmetic",
            work: attentionFlops(kernel, shape),
            emit: (builder) => emitAttention(builder, kernel, shape, variant, halved),
          }))
      )
    )
  );
}

function emitAttention(
  builder: ProgramBuilder,
  kernel: AttentionKernel,
  shape: AttentionShape,
  variant: AttentionVariant,
  halved: HalvedInputs,
) {
  const { batch, sequence, heads, headSize } = shape;
  const [rows, width] = [batch * sequence, heads * headSize];
  const matrix = (name: string, cols: number, options: { stride?: number; dtype?: "f16" } = {}) =>
    builder.tensor(name, rows, cols, { category: "transient", ...options });
  const operand = (name: string, cols: number, halved = false) =>
    halved ? scaledHalves(matrix(name, cols, inScaledHalves(cols))) : plain(matrix(name, cols));
  const read = halved.qkv
    ? sharingGroup(["q", "k", "v"].map((name) => operand(name, width, true)))
    : [operand("qkv", 3 * width)];
  const [q, k, v] = read;
  const inputs: Inputs = halved.qkv ? { q, k, v } : q;
  const d = operand("d", width, halved.d);
  const [logSumExp, delta] = ["log-sum-exp", "delta"].map((name) => matrix(name, heads, { stride: heads }));
  const options = { variants: { [kernel]: variant }, scaling: tuningScales };
  const filled = read.map(({ tensor }) => tensor);
  if (kernel === "forward") {
    attentionForwardKernel(builder, inputs, matrix("o", width), logSumExp, shape, options);
    return filled;
  }
  const emit = kernel === "backward_query" ? attentionBackwardQuery : attentionBackwardKey;
  emit(builder, inputs, { logSumExp, delta }, d, matrix("dqkv", 3 * width), shape, options);
  return [...filled, d.tensor, logSumExp, delta];
}
