/** C = A·B, A·Bᵀ or Aᵀ·B, all matrices by rows. */
export const products = ["nn", "nt", "tn"] as const;
export type Product = typeof products[number];

/** How a product is cut: tiles of C a workgroup, the part of it a thread holds in registers, and where operands are staged. */
export interface MatmulVariant {
  /**
   * `workgroup` stages tiles of A and B in workgroup memory. `direct` reads them from the buffers, for software adapters: these load lane by
   * lane, so the `lanes` of a subgroup, neighbours along a row of C, load different parts of A and broadcast them to each other.
   */
  readonly memory: "workgroup" | "direct";
  readonly lanes?: number;
  readonly tileM: number;
  readonly tileN: number;
  readonly tileK: number;
  readonly threadM: number;
  readonly threadN: number;
}

/** The variant's name in results and in tuning files. */
export function variantName(v: MatmulVariant): string {
  return `${v.memory}${v.lanes ?? ""}-${v.tileM}x${v.tileN}x${v.tileK}-${v.threadM}x${v.threadN}`;
}

/** 0 to n - 1. */
export const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Where the vectors of an operand lie: along the contraction (A of NN and NT, B of NT) or across it. */
export function alongK(product: Product, operand: "a" | "b"): boolean {
  return operand === "a" ? product !== "tn" : product === "nt";
}
