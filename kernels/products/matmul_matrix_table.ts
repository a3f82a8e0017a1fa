import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { matrixBytes, matrixThreads } from "./matmul_matrix_template.ts";
import { type MatrixVariant, type Measured, products } from "./matmul_variant.ts";

type MatrixArithmetic = MatrixVariant["arithmetic"];

/** A tile of a workgroup, the part of it that a subgroup holds, and how it does. */
interface Known {
  readonly tile: readonly [m: number, n: number, k: number];
  readonly buffers?: 1 | 2;
  readonly subgroup: readonly [m: number, n: number];
  readonly flopsPerSecond: number;
  readonly residents: number;
  readonly alone: number;
}

const known: Record<MatrixArithmetic, readonly Known[]> = {
  f16: [
    { tile: [128, 128, 32], subgroup: [64, 64], flopsPerSecond: 195e12, residents: 2, alone: 0.6 },
    {
      tile: [128, 128, 32],
      buffers: 2,
      subgroup: [64, 64],
      flopsPerSecond: 195e12,
      residents: 2,
      alone: 0.6,
    },
    { tile: [128, 256, 32], subgroup: [64, 64], flopsPerSecond: 182e12, residents: 1, alone: 1 },
    { tile: [256, 128, 32], subgroup: [64, 64], flopsPerSecond: 182e12, residents: 1, alone: 1 },
    { tile: [128, 64, 32], subgroup: [64, 32], flopsPerSecond: 124e12, residents: 3, alone: 0.5 },
    { tile: [64, 64, 32], subgroup: [32, 32], flopsPerSecond: 117e12, residents: 4, alone: 0.4 },
  ],
  f16x3: [
    { tile: [128, 128, 16], subgroup: [64, 64], flopsPerSecond: 102e12, residents: 2, alone: 0.6 },
    {
      tile: [128, 128, 16],
      buffers: 2,
      subgroup: [64, 64],
      flopsPerSecond: 102e12,
      residents: 2,
      alone: 0.6,
    },
    { tile: [128, 128, 32], subgroup: [64, 64], flopsPerSecond: 88e12, residents: 1, alone: 1 },
    { tile: [128, 128, 32], subgroup: [64, 32], flopsPerSecond: 89e12, residents: 1, alone: 1 },
    { tile: [64, 64, 32], subgroup: [32, 32], flopsPerSecond: 65e12, residents: 3, alone: 0.4 },
    { tile: [64, 64, 16], subgroup: [32, 32], flopsPerSecond: 60e12, residents: 4, alone: 0.4 },
  ],
};

/** Where every lane of a subgroup is computed one after the other, a large tile only takes longer to compile. */
const software: readonly Known[] = [
  { tile: [32, 32, 16], subgroup: [16, 16], flopsPerSecond: 2e9, residents: 1, alone: 1 },
  { tile: [32, 64, 8], buffers: 2, subgroup: [16, 16], flopsPerSecond: 1e9, residents: 1, alone: 1 },
];

/** The variants on subgroup matrices that an adapter can take, the likeliest first; none where its subgroups multiply no matrices. */
export function matrixVariants(
  arithmetic: MatrixArithmetic,
  { adapterClass, subgroupSize: lanes = 0, matrices: shape, limits }: Omit<BuilderOptions, "arithmetic">,
): Measured<MatrixVariant>[] {
  if (!shape || lanes === 0) return [];
  const all = adapterClass === "software" ? software : known[arithmetic];
  return all.map((
    { tile: [tileM, tileN, tileK], subgroup: [subgroupM, subgroupN], buffers = 1, ...speed },
  ) => ({
    variant: {
      memory: "matrix" as const,
      arithmetic,
      lanes,
      tileM,
      tileN,
      tileK,
      subgroupM,
      subgroupN,
      shape,
      buffers,
    },
    ...speed,
  })).filter(({ variant }) =>
    isWhole(variant) && matrixThreads(variant) <= limits.maxComputeInvocationsPerWorkgroup &&
    products.every((product) => matrixBytes(product, variant) <= limits.maxComputeWorkgroupStorageSize)
  );
}

/** Whether a subgroup's part is made of whole matrices. */
function isWhole({ subgroupM, subgroupN, tileK, shape: { m, n, k } }: MatrixVariant): boolean {
  return subgroupM % m === 0 && subgroupN % n === 0 && tileK % k === 0;
}
