import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { rowWindows } from "../../src/gpu/limits.ts";
import { commonUnit, type Operand } from "../../src/gpu/operand.ts";
import { padded, rowBytes, type Tensor, tensorBytes } from "../../src/gpu/tensor.ts";
import { remembered } from "../shared/remembered.ts";
import { lookFirst, observed, type Scaling, scalingBindings } from "./scales.ts";
import { matmulChoice } from "./matmul_choice.ts";
import { likelyChoices, type MatmulChoice, type Sizes } from "./matmul_table.ts";
import { directThreads, matmulText } from "./matmul_template.ts";
import { type MatmulVariant, type Product, type ScaledOperands, variantName } from "./matmul_variant.ts";
import { sumParts } from "./sum_parts.ts";

const textOf = remembered(matmulText);

/** Options of a product. */
export interface MatmulOptions {
  /** 1 × n, added to every row. */
  readonly bias?: Tensor;
  /** Adds to what C holds. */
  readonly accumulate?: boolean;
  /** How operands come within the range of halves, where the builder has scales; else they are clamped as they are. */
  readonly scaling?: Scaling;
  /** Instead of the builder's choice. */
  readonly variant?: MatmulVariant;
  /** With a variant: parts that the contraction is cut into, each a product of its own until they are added; 1, the default, does not. */
  readonly splits?: number;
}

/**
 * Emits C = A·B (`nn`: A m×k, B k×n), A·Bᵀ (`nt`: B n×k) or Aᵀ·B (`tn`: A k×m, B k×n), C m×n in f32. Each operand may be read through
 * a reader, or be what `readable` made of it for this very product. Rows of whichever matrix exceeds the binding limit are windowed; windows of
 * the contraction are added in order.
 */
export function matmul(
  builder: ProgramBuilder,
  product: Product,
  a: Operand,
  b: Operand,
  c: Tensor,
  options: MatmulOptions = {},
): void {
  const [m, k] = product === "tn" ? [a.tensor.cols, a.tensor.rows] : [a.tensor.rows, a.tensor.cols];
  const n = product === "nt" ? b.tensor.rows : b.tensor.cols;
  const contraction = product === "nt" ? b.tensor.cols : b.tensor.rows;
  if (contraction !== k || c.cols !== n || c.rows !== m) {
    const shapes = [a.tensor, b.tensor, c].map((t) => `${t.name} ${t.rows}×${t.cols}`).join(", ");
    throw new RangeError(`Shapes of the ${product} product do not match: ${shapes}`);
  }
  const sizes = { m, n, k };
  const looked = [a, b].flatMap((x, operand) => x.scaled ? [] : [{ x, operand }]); // else where it was written
  if (options.scaling) lookFirst(builder, looked, options.scaling);
  // Parts follow each other in whole matrices, so they are made only where C's rows need no windows.
  const partsOf = ({ variant, splits: asked }: MatmulChoice) => {
    // Whole tiles, and no more than it takes to cover the first window of k: a part without any there would leave its sums unwritten.
    const [{ rows }] = windowsOfK(builder, product, a, b, k);
    const splits = Math.ceil(rows / partSteps(rows, asked, variant));
    const widest = Math.max(splits * rowBytes(c), product === "tn" ? 0 : rowBytes(a.tensor));
    return m * widest > builder.limits.maxStorageBufferBindingSize ? 1 : splits;
  };
  let choice = options.variant
    ? { variant: options.variant, splits: options.splits ?? 1 }
    : matmulChoice(builder, product, sizes, scaledOf(a, b));
  let splits = partsOf(choice);
  const wanted = splits > 1 ? splits * tensorBytes(c) : 0;
  const spare = builder.spare(wanted);
  if (wanted > spare) {
    [choice] = likelyChoices(builder, sizes, Math.floor(spare / tensorBytes(c)));
    splits = partsOf(choice);
  }
  const { variant } = choice;
  if (splits === 1) return emit(builder, product, a, b, c, { ...options, variant, splits }, sizes);
  const parts = builder.tensor(`${c.name} parts`, splits * m, n, { category: "transient" });
  emit(
    builder,
    product,
    a,
    b,
    parts,
    { bias: options.bias, scaling: options.scaling, variant, splits },
    sizes,
  );
  sumParts(builder, parts, splits, c, options.accumulate ?? false);
}

const scaledOf = (a: Operand, b: Operand): ScaledOperands => ({
  ...a.scaled && { a: true },
  ...b.scaled && { b: true },
});

/** Emits a product into C, or `splits` partial ones into as many matrices that follow each other in C's rows. */
function emit(
  builder: ProgramBuilder,
  product: Product,
  a: Operand,
  b: Operand,
  c: Tensor,
  options: MatmulOptions & { variant: MatmulVariant; splits: number },
  { m, n, k }: Sizes,
): void {
  const { variant, splits } = options;
  const { scales } = builder;
  const scaling = scales && variant.memory === "matrix" ? options.scaling : undefined;
  const scaled = scaledOf(a, b);
  if ((scaled.a || scaled.b) && !scaling) throw new Error(`${c.name} has scaled operands, and no scales`);
  const fetched = variant.memory === "matrix" ? { a: a.fetched, b: b.fetched } : undefined;
  const kernelFor = (bias: boolean) => ({
    label: `matmul_${product}`,
    variant: variantName(variant),
    code: a.code("a", 1) + b.code("b", 2) +
      textOf(product, variant, { bias, scaling: scaling && { observes: scaling.observes }, fetched, scaled }),
  });
  const [aBytes, bBytes, cBytes] = [bytesOf(a), bytesOf(b), rowBytes(c)];
  const cut = (rows: number, bytes: number, unit?: number) => rowWindows(builder.limits, rows, bytes, unit);
  const windowsM = product === "tn" ? cut(m, cBytes) : cut(m, Math.max(aBytes, cBytes), a.unit);
  const windowsN = product === "nt" ? cut(n, bBytes, b.unit) : whole(n);
  const windowsK = windowsOfK(builder, product, a, b, k);
  for (const wm of windowsM) {
    for (const wn of windowsN) {
      for (const [i, wk] of windowsK.entries()) {
        const aRows = product === "tn" ? wk : wm;
        const aColumn = product === "tn" ? wm.first : wk.first;
        const bRows = product === "nt" ? wn : wk;
        const bColumn = product === "nt" ? wk.first : wn.first;
        const bias = i === 0 ? options.bias : undefined;
        builder.dispatch({
          kernel: kernelFor(bias !== undefined),
          bindings: [
            {
              group: 0,
              index: 1,
              tensor: c,
              access: "update",
              first: wm.first,
              rows: splits * wm.rows,
            },
            ...(bias ? [{ group: 0, index: 2, tensor: bias, access: "read" as const }] : []),
            ...(scales && scaling ? scalingBindings(scales, scaling) : []),
            ...a.bindings(1, aRows),
            ...b.bindings(2, bRows),
          ],
          parameters: {
            m: wm.rows,
            n: wn.rows,
            k: wk.rows,
            a_stride: a.tensor.stride / 4,
            b_stride: b.tensor.stride / 4,
            c_stride: c.stride / 4,
            a_column: aColumn / 4,
            b_column: bColumn / 4,
            c_column: wn.first / 4,
            accumulate: Number(i > 0 || (options.accumulate ?? false)),
            k_part: partSteps(wk.rows, splits, variant),
            // A is read again for each window of n, B for each of m.
            ...scaling && {
              observed: scaling.observes
                ? observed(wn.first === 0 && !a.scaled, wm.first === 0 && !b.scaled)
                : 0,
            },
          },
          workgroups: splits * workgroups(variant, wm.rows, wn.rows),
          flops: 2 * wm.rows * wn.rows * wk.rows,
        });
      }
    }
  }
}

/** Bytes of a row, by which it is windowed: scaled halves as f32 would be, so that the same sums follow each other. */
const bytesOf = ({ tensor, scaled }: Operand) => scaled ? 4 * padded(tensor.cols) : rowBytes(tensor);

const whole = (rows: number) => [{ first: 0, rows }];

/** Rows of the operands that the contraction takes at a time, the first window as long as any. */
function windowsOfK({ limits }: ProgramBuilder, product: Product, a: Operand, b: Operand, k: number) {
  if (product === "nt") return whole(k);
  return product === "tn"
    ? rowWindows(limits, k, Math.max(bytesOf(a), bytesOf(b)), commonUnit(a, b))
    : rowWindows(limits, k, bytesOf(b), b.unit);
}

/** Steps of the contraction in each of so many parts: whole tiles. */
function partSteps(k: number, splits: number, { tileK }: MatmulVariant): number {
  return Math.ceil(k / splits / tileK) * tileK;
}

function workgroups(v: MatmulVariant, m: number, n: number): number {
  const tiles = Math.ceil(m / v.tileM) * Math.ceil(n / v.tileN);
  return v.memory === "direct" ? Math.ceil(tiles * (v.lanes ?? 1) / directThreads) : tiles;
}
