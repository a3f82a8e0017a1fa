import { UserError } from "../errors.ts";

/**
 * What products compute in: f32; or, on matrices that a subgroup multiplies as one, operands rounded to f16 and sums in f32. `f16x3` takes
 * each operand as the sum of two halves and multiplies thrice, for nearly f32's accuracy.
 */
export const arithmetics = ["f32", "f16x3", "f16"] as const;
export type Arithmetic = typeof arithmetics[number];

/** Sizes of matrices that a subgroup multiplies as one, C (M × N) += A (M × K) · B (K × N), and what their elements are. */
export interface MatrixConfig {
  readonly M: number;
  readonly N: number;
  readonly K: number;
  /** Of A and B: "f16", "u8", "i8" and the like. */
  readonly componentType: string;
  /** Of C. */
  readonly resultComponentType: string;
}

/** Sizes of the matrices that a subgroup multiplies as one: C (m × n) += A (m × k) · B (k × n). */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** The largest matrices of f16 with sums in f32 among those that a device lists; undefined where there are none. */
export function matrixShape(configs: readonly MatrixConfig[]): MatrixShape | undefined {
  const size = ({ M, N, K }: MatrixConfig) => M * N * K;
  const [largest] = configs
    .filter((one) => one.componentType === "f16" && one.resultComponentType === "f32")
    .sort((a, b) => size(b) - size(a));
  return largest && { m: largest.M, n: largest.N, k: largest.K };
}

/** Throws a UserError that says what is missing for such products, where it is. */
export function refuseArithmetic(arithmetic: Arithmetic, { matrices }: { matrices?: MatrixShape }): void {
  if (arithmetic === "f32" || matrices) return;
  throw new UserError(
    `Products in ${arithmetic} want subgroups that multiply matrices of f16 with sums in f32, and here there are none: ` +
      "take --runtime dawn on a card that has them (`deno task doctor --runtime dawn` tells), or --arithmetic f32, the default",
  );
}
