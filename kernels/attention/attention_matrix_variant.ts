import type { Arithmetic, MatrixShape } from "../../src/gpu/arithmetic.ts";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { floatsEach, halvesEach, partsOf } from "../products/matmul_variant.ts";
import type { AttentionKernel, AttentionShape, HalvedInputs } from "./attention_shape.ts";

/** Attention on subgroup matrices, whose operands are staged in workgroup memory as halves. */
export interface AttentionMatrixVariant {
  readonly memory: "matrix";
  readonly arithmetic: Exclude<Arithmetic, "f32">;
  readonly headSize: number;
  readonly causal: boolean;
  /** Query heads that share a key head; 1 if left out. */
  readonly group?: number;
  readonly lanes: number;
  readonly shape: MatrixShape;
  /** Subgroups of a workgroup, and the own rows of each: whole matrices of them. */
  readonly subgroups: number;
  readonly rows: number;
  /** Rows of the other side that are handled at once. */
  readonly tile: number;
  /** Whether a tile is read while the one before is multiplied, which takes registers. */
  readonly ahead: boolean;
  /** Whether q, k and v are in tensors of their own; side by side in one if left out. */
  readonly apart?: boolean;
  /** Which operands come as scaled halves; of q, k and v only where they are apart. */
  readonly halved?: HalvedInputs;
}

/** The variant's name in results and in tuning files. */
export function attentionMatrixName(v: AttentionMatrixVariant): string {
  const { m, n, k } = v.shape;
  const own = `${v.subgroups}·${v.rows}x${v.tile}${v.ahead ? "a" : ""}`;
  return `${v.arithmetic}-${own}-${m}x${n}x${k}`;
}

/** Channels of a head, rounded up to whole matrices. */
export function paddedHead({ headSize, shape: { n, k } }: AttentionMatrixVariant): number {
  const whole = Math.max(n, k, halvesEach);
  return Math.ceil(headSize / whole) * whole;
}

/** Lanes that share a row of scores. */
export const sharing = ({ lanes, shape }: AttentionMatrixVariant): number => lanes / shape.m;

/** Tiles that are in workgroup memory at once, and matrices of scores. Forward's values take the place of its keys. */
const held: Record<AttentionKernel, { tiles: number; scores: number }> = {
  forward: { tiles: 1, scores: 1 },
  backward_query: { tiles: 2, scores: 2 },
  backward_key: { tiles: 2, scores: 2 },
};

/** Workgroup memory by elements: rows are followed by one more that spreads them over the banks. */
export interface MatrixLayout {
  readonly head: { readonly pitch: number };
  readonly scores: { readonly pitch: number; readonly begins: readonly number[] };
  /** Where each part of each tile begins. */
  readonly tiles: readonly (readonly number[])[];
  readonly elements: number;
}

/** Where what lies in workgroup memory. */
export function matrixLayout(kernel: AttentionKernel, v: AttentionMatrixVariant): MatrixLayout {
  const pitch = paddedHead(v) / halvesEach + 1;
  const [parts, { tiles, scores }] = [partsOf(v), held[kernel]];
  const tileElements = v.tile * pitch;
  const scorePitch = v.tile / floatsEach + 1;
  const scoreElements = v.subgroups * v.rows * scorePitch;
  const first = tiles * parts * tileElements;
  const own = v.subgroups * parts * v.shape.m * pitch;
  return {
    head: { pitch },
    scores: {
      pitch: scorePitch,
      begins: Array.from({ length: scores }, (_, i) => first + i * scoreElements),
    },
    tiles: Array.from(
      { length: tiles },
      (_, t) => Array.from({ length: parts }, (_, part) => (t * parts + part) * tileElements),
    ),
    elements: Math.max(first + scores * scoreElements, own),
  };
}

/** Bytes of workgroup memory: a few numbers for the workgroup as a whole, and in the kernel of keys two for each row of a tile, besides. */
export function attentionMatrixBytes(kernel: AttentionKernel, v: AttentionMatrixVariant): number {
  const rows = kernel === "backward_key" ? 8 * v.tile : 0;
  return 16 * matrixLayout(kernel, v).elements + rows + 32;
}

/** Invocations of a workgroup. */
export const attentionMatrixThreads = (v: AttentionMatrixVariant): number => v.subgroups * v.lanes;

type Way = readonly [subgroups: number, rows: number, tile: number, ahead: boolean];

/** What a tuning run tries on a GPU, the likeliest first. */
const ways: Record<"forward" | "backward", readonly Way[]> = {
  forward: [
    [8, 16, 32, true],
    [16, 16, 32, true],
    [8, 32, 32, true],
    [8, 16, 64, true],
    [4, 32, 64, true],
    [4, 32, 32, true],
    [4, 16, 32, true],
  ],
  backward: [
    [4, 16, 32, true],
    [8, 16, 32, true],
    [6, 16, 32, true],
    [4, 32, 32, true],
    [4, 32, 32, false],
    [2, 32, 32, true],
    [2, 16, 32, true],
  ],
};

/** Where every lane of a subgroup is computed one after the other, large tiles only take longer to compile. */
const software: readonly Way[] = [[2, 8, 8, true], [2, 16, 8, false]];

/** What decides on a variant besides the shape. */
export type MatrixAdapter =
  & Pick<BuilderOptions, "adapterClass" | "subgroupSize" | "arithmetic" | "matrices">
  & Partial<Pick<BuilderOptions, "limits">>;

/** The variants on subgroup matrices for a shape, the likeliest first; none for f32, or where the adapter's subgroups multiply no matrices. */
export function attentionMatrixVariants(
  kernel: AttentionKernel,
  { headSize, causal }: Pick<AttentionShape, "headSize" | "causal">,
  { adapterClass, subgroupSize: lanes = 0, arithmetic = "f32", matrices: shape, limits }: MatrixAdapter,
): AttentionMatrixVariant[] {
  if (arithmetic === "f32" || !shape || !limits || lanes === 0 || lanes % shape.m !== 0) return [];
  const tried = adapterClass === "software" ? software : ways[kernel === "forward" ? "forward" : "backward"];
  return tried.map(([subgroups, rows, tile, ahead]) => ({
    memory: "matrix" as const,
    arithmetic,
    headSize,
    causal,
    lanes,
    shape,
    subgroups,
    rows,
    tile,
    ahead,
  })).filter((v) =>
    isWhole(v) && attentionMatrixThreads(v) <= limits.maxComputeInvocationsPerWorkgroup &&
    attentionMatrixBytes(kernel, v) <= limits.maxComputeWorkgroupStorageSize
  );
}

/** Whether tiles are made of whole matrices, and lanes share scores evenly. */
function isWhole(v: AttentionMatrixVariant): boolean {
  const { rows, tile, shape: { m, n, k } } = v;
  return rows % m === 0 && tile % n === 0 && tile % (k * sharing(v)) === 0 && k % halvesEach === 0;
}
