import type { AdapterKind, ProgramBuilder } from "../src/gpu/builder.ts";
import { rowWindows } from "../src/gpu/limits.ts";
import type { Operand } from "../src/gpu/operand.ts";
import { rowBytes, type Tensor } from "../src/gpu/tensor.ts";
import {
  directThreads,
  matmulText,
  type MatmulVariant,
  type Product,
  variantName,
} from "./matmul_template.ts";

const direct = (thread: number): MatmulVariant => ({
  memory: "direct",
  tileM: thread,
  tileN: thread,
  tileK: 4,
  threadM: thread,
  threadN: thread,
});
const directSmall = direct(8);
const directLarge = direct(32);
const large: MatmulVariant = {
  memory: "workgroup",
  tileM: 128,
  tileN: 128,
  tileK: 16,
  threadM: 8,
  threadN: 8,
};
const small: MatmulVariant = { memory: "workgroup", tileM: 64, tileN: 64, tileK: 16, threadM: 4, threadN: 4 };

/** Every variant, by name. Tests run them all. */
export const matmulVariants: readonly MatmulVariant[] = [directSmall, directLarge, large, small];

/** Tiles of C below which the large variant leaves a GPU's processors idle. */
const enoughTiles = 96;

/** Multiplications above which the large direct variant's compilation (up to a second) pays on a CPU. */
const enoughWork = 2 ** 22;

/**
 * The variant for a product of m × n over k, without tuning. A software adapter gathers each lane's loads one by one, so what counts there
 * is the arithmetic for each load; SwiftShader takes too long to compile what that asks for.
 */
export function defaultVariant(adapter: AdapterKind, m: number, n: number, k: number): MatmulVariant {
  if (adapter === "swiftshader") return directSmall;
  if (adapter === "llvmpipe") return m * n * k >= enoughWork ? directLarge : directSmall;
  return Math.ceil(m / large.tileM) * Math.ceil(n / large.tileN) >= enoughTiles ? large : small;
}

/** Options of a product. */
export interface MatmulOptions {
  /** 1 × n, added to every row. */
  readonly bias?: Tensor;
  /** Adds to what C holds. */
  readonly accumulate?: boolean;
  /** The row of C at which the product is written, a multiple of 64; by default C is all product. */
  readonly firstRow?: number;
  readonly variant?: MatmulVariant;
}

/**
 * Emits C = A·B (`nn`: A m×k, B k×n), A·Bᵀ (`nt`: B n×k) or Aᵀ·B (`tn`: A k×m, B k×n), C m×n in f32. Each operand may be read through
 * a reader. Rows of whichever matrix exceeds the binding limit are windowed; windows of the contraction are added in order.
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
  const { firstRow } = options;
  if (contraction !== k || c.cols !== n || (firstRow === undefined ? c.rows !== m : c.rows < firstRow + m)) {
    const shapes = [a.tensor, b.tensor, c].map((t) => `${t.name} ${t.rows}×${t.cols}`).join(", ");
    throw new RangeError(`Shapes of the ${product} product do not match: ${shapes}`);
  }
  const variant = options.variant ?? defaultVariant(builder.adapter, m, n, k);
  const kernelFor = (bias: boolean) => ({
    label: `matmul_${product} ${variantName(variant)}`,
    code: a.code("a", 1) + b.code("b", 2) + matmulText(product, variant, bias),
  });
  const [aBytes, bBytes, cBytes] = [a.tensor, b.tensor, c].map(rowBytes);
  const whole = (rows: number) => [{ first: 0, rows }];
  const cut = (rows: number, bytes: number) => rowWindows(builder.limits, rows, bytes);
  const windowsM = cut(m, product === "tn" ? cBytes : Math.max(aBytes, cBytes));
  const windowsN = product === "nt" ? cut(n, bBytes) : whole(n);
  const windowsK = product === "tn"
    ? cut(k, Math.max(aBytes, bBytes))
    : product === "nn"
    ? cut(k, bBytes)
    : whole(k);
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
              first: (firstRow ?? 0) + wm.first,
              rows: wm.rows,
            },
            ...(bias ? [{ group: 0, index: 2, tensor: bias, access: "read" as const }] : []),
            ...a.bindings(1, aRows),
            ...b.bindings(2, bRows),
          ],
          parameters: [
            wm.rows,
            wn.rows,
            wk.rows,
            a.tensor.stride / 4,
            b.tensor.stride / 4,
            c.stride / 4,
            aColumn / 4,
            bColumn / 4,
            wn.first / 4,
            Number(i > 0 || (options.accumulate ?? false)),
          ],
          workgroups: workgroups(variant, wm.rows, wn.rows),
          flops: 2 * wm.rows * wn.rows * wk.rows,
        });
      }
    }
  }
}

function workgroups(v: MatmulVariant, m: number, n: number): number {
  const tiles = (tileM: number, tileN: number) => Math.ceil(m / tileM) * Math.ceil(n / tileN);
  return v.memory === "direct"
    ? Math.ceil(tiles(v.threadM, v.threadN) / directThreads)
    : tiles(v.tileM, v.tileN);
}
