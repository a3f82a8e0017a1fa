import type { Arithmetic, MatrixShape } from "../../src/gpu/arithmetic.ts";

/** C = A·B, A·Bᵀ or Aᵀ·B, all matrices by rows. */
export const products = ["nn", "nt", "tn"] as const;
export type Product = typeof products[number];

/** Which operands of a product are scaled halves already. */
export interface ScaledOperands {
  readonly a?: boolean;
  readonly b?: boolean;
}

/** How a product is cut: tiles of C a workgroup, and the steps of the contraction that are taken at once. */
export interface Tile {
  readonly tileM: number;
  readonly tileN: number;
  readonly tileK: number;
}

/** A product in f32, whose sums lie in the registers of threads. */
export interface ThreadVariant extends Tile {
  /**
   * `workgroup` stages tiles of A and B in workgroup memory. `direct` reads them from the buffers, for software adapters: these load lane by
   * lane, so the `lanes` of a subgroup, neighbours along a row of C, load different parts of A and broadcast them to each other.
   */
  readonly memory: "workgroup" | "direct";
  readonly lanes?: number;
  /** The part of C that a thread holds. */
  readonly threadM: number;
  readonly threadN: number;
}

/** A product on subgroup matrices, whose operands are staged in workgroup memory as halves. */
export interface MatrixVariant extends Tile {
  readonly memory: "matrix";
  readonly arithmetic: Exclude<Arithmetic, "f32">;
  readonly lanes: number;
  /** The part of C that a subgroup holds, and the matrices that it is made of. */
  readonly subgroupM: number;
  readonly subgroupN: number;
  readonly shape: MatrixShape;
  /** Tiles of each operand in workgroup memory: with two, the next comes in while one is multiplied, for one barrier less. */
  readonly buffers: 1 | 2;
}

export type MatmulVariant = ThreadVariant | MatrixVariant;

/** A variant, and how it does on the GPU that choices were measured on. */
export interface Measured<Variant extends MatmulVariant = MatmulVariant> {
  readonly variant: Variant;
  /** What it reaches where nothing is wasted. */
  readonly flopsPerSecond: number;
  /** Workgroups that a processor holds at once, and the time that one of them takes alone, as a share of what all take together. */
  readonly residents: number;
  readonly alone: number;
}

/** The variant's name in results and in tuning files. */
export function variantName(v: MatmulVariant): string {
  const tile = `${v.tileM}x${v.tileN}x${v.tileK}`;
  if (v.memory !== "matrix") return `${v.memory}${v.lanes ?? ""}-${tile}-${v.threadM}x${v.threadN}`;
  const { m, n, k } = v.shape;
  const buffers = v.buffers > 1 ? `-${v.buffers}` : "";
  return `${v.arithmetic}-${tile}${buffers}-${v.subgroupM}x${v.subgroupN}-${m}x${n}x${k}`;
}

/** Halves in an element of workgroup memory (`vec4<u32>`), and numbers. Matrices are addressed by such elements. */
export const halvesEach = 8;
export const floatsEach = 4;

/** How many halves stand for a number. */
export const partsOf = ({ arithmetic }: Pick<MatrixVariant, "arithmetic">): number =>
  arithmetic === "f16x3" ? 2 : 1;

/** Where the vectors of an operand lie: along the contraction (A of NN and NT, B of NT) or across it. */
export function alongK(product: Product, operand: "a" | "b"): boolean {
  return operand === "a" ? product !== "tn" : product === "nt";
}
