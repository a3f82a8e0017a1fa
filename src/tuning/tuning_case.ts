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
  parseAttentionKey,
  qkvColumns,
} from "../../kernels/attention/attention_shape.ts";
import { columnsOf, type Inputs, operandsOf } from "../../kernels/attention/attention_inputs.ts";
import { attentionVariantName } from "../../kernels/attention/attention_variant.ts";
import { matmul } from "../../kernels/products/matmul.ts";
import { choiceName, parseMatmulKey } from "../../kernels/products/matmul_choice.ts";
import { likelyChoices, matrixShapes } from "../../kernels/products/matmul_table.ts";
import { inScaledHalves } from "../../kernels/products/scaled_halves.ts";
import type { BuilderOptions, ProgramBuilder } from "../gpu/builder.ts";
import { type Operand, plain, scaledHalves } from "../gpu/operand.ts";
import { sharingGroup } from "../gpu/operand_windows.ts";
import { padded, rowBytes, type Store, type Tensor } from "../gpu/tensor.ts";

/** A kernel at a shape, and the variants of it that are worth a measurement. */
export interface TuningCase {
  /** Names of variants, the table's choice first. */
  readonly candidates: readonly string[];
  /** What the candidates read, all of which must hold numbers, and what they write. */
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** Emits the kernel; the builder's variants say which. */
  emit(builder: ProgramBuilder): void;
}

/** Operands are scaled, and looked at, as in a step: that costs registers, of which some variants have none to spare. */
export const tuningScales = { key: "tuned", observes: true } as const;

/** The case of a key that a program asked its builder's variants for. Throws an Error if no kernel has such keys. */
export function tuningCase(key: string, adapter: BuilderOptions): TuningCase {
  const product = parseMatmulKey(key);
  if (product) return matmulCase(product, adapter);
  const attention = parseAttentionKey(key);
  if (attention) return attentionCase(attention, adapter);
  throw new Error(`No kernel is called "${key}"`);
}

/** A matrix with a buffer of its own, which the programs of all candidates share. */
function matrix(
  name: string,
  rows: number,
  cols: number,
  { stride = padded(cols), dtype = "f32" }: Partial<Pick<Tensor, "stride" | "dtype">> = {},
): Tensor {
  const bare: Tensor = { name, dtype, rows, cols, stride, category: "transient" };
  const store: Store = { name, category: "transient", bytes: rows * rowBytes(bare) };
  return { ...bare, home: { store, offset: 0 } };
}

/** Such a matrix as an operand, plain or of scaled halves. */
const operand = (name: string, rows: number, cols: number, halved = false): Operand =>
  halved ? scaledHalves(matrix(name, rows, cols, inScaledHalves(cols))) : plain(matrix(name, rows, cols));

/** One product of matrices, plain or of scaled halves. */
function matmulCase(
  { product, sizes, scaled }: NonNullable<ReturnType<typeof parseMatmulKey>>,
  adapter: BuilderOptions,
): TuningCase {
  const shapes = matrixShapes(product, sizes);
  const [a, b] = (["a", "b"] as const).map((name) => operand(name, ...shapes[name], scaled[name]));
  const c = matrix("c", ...shapes.c);
  return {
    candidates: likelyChoices({ subgroupSize: 0, ...adapter }, sizes).map(choiceName),
    inputs: [a.tensor, b.tensor],
    outputs: [c],
    emit: (builder) => matmul(builder, product, a, b, c, { scaling: tuningScales }),
  };
}

/** q, k and v as a step's kernels read them: side by side or, of scaled halves, apart. */
function attentionInputs(rows: number, shape: AttentionShape, { qkv }: HalvedInputs): Inputs {
  if (!qkv) return operand("qkv", rows, qkvColumns(shape));
  const columns = columnsOf(shape).map(([, width]) => width);
  const [q, k, v] = sharingGroup(["q", "k", "v"].map((name, i) => operand(name, rows, columns[i], true)));
  return { q, k, v };
}

/** Floating-point operations that a case of attention should not exceed: no run of a candidate then takes much of a second on a GPU. */
const mostFlops = 1e12;

/**
 * One kernel of attention, by itself. Where it would take long, it is measured on fewer sequences and then on shorter ones: which variant is
 * the fastest no longer depends on either.
 */
function attentionCase(
  { kernel, shape, halved }: { kernel: AttentionKernel; shape: AttentionShape; halved: HalvedInputs },
  adapter: BuilderOptions,
): TuningCase {
  const key = attentionKey(kernel, shape, halved);
  const known = attentionVariants(kernel, shape, { subgroupSize: 0, ...adapter });
  const candidates = known.map(attentionVariantName);
  const optionsOf = (builder: ProgramBuilder) => {
    const name = builder.variantFor(key, candidates[0]);
    return { variants: { [kernel]: known[candidates.indexOf(name)] }, scaling: tuningScales };
  };
  const measured = { ...shape };
  while (attentionFlops(kernel, measured) > mostFlops) {
    const dimension = measured.batch > 1 ? "batch" : "sequence";
    measured[dimension] = Math.ceil(measured[dimension] / 2);
  }
  const { batch, sequence, heads, headSize } = measured;
  const columns = qkvColumns(measured);
  const [rows, width] = [batch * sequence, heads * headSize];
  const [o, d] = [matrix("o", rows, width), operand("d", rows, width, halved.d)];
  const inputs = attentionInputs(rows, measured, halved);
  const read = Object.values(operandsOf(inputs)).map(({ tensor }) => tensor);
  const [logSumExp, delta] = ["log-sum-exp", "delta"].map((name) =>
    matrix(name, rows, heads, { stride: heads })
  );
  const dqkv = matrix("dqkv", rows, columns);
  if (kernel === "forward") {
    return {
      candidates,
      inputs: read,
      outputs: [o, logSumExp],
      emit: (builder) => attentionForwardKernel(builder, inputs, o, logSumExp, measured, optionsOf(builder)),
    };
  }
  const backward = kernel === "backward_query" ? attentionBackwardQuery : attentionBackwardKey;
  return {
    candidates,
    inputs: [...read, d.tensor, logSumExp, delta],
    outputs: [dqkv],
    emit: (builder) => backward(builder, inputs, { logSumExp, delta }, d, dqkv, measured, optionsOf(builder)),
  };
}
