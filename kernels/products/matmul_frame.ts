import type { ScaledOperands, Tile } from "./matmul_variant.ts";

/** What differs around the loops over tiles between a product and many products at once. */
export interface Frame {
  /** Declares the parameters `p`, m, n and k among them, and the functions `a_at`, `b_at` and `store`. */
  readonly header: (threads: number) => string;
  /** A workgroup's `part` made its own; where its contraction begins (`k0`) and ends (`k_end`); what `store` wants before the row. */
  readonly tiled: { readonly enter: string; readonly bounds: string; readonly target: string };
  /** The same where each strip is on its own. `strip` counts strips within a part; the contraction goes from `first` to `end`. */
  readonly direct: {
    readonly enter: string;
    readonly strip: string;
    readonly first: string;
    readonly end: string;
    readonly target: string;
  };
  /** How operands come within the range of halves, if by anything but clamping; on subgroup matrices. */
  readonly scaling?: { readonly observes: boolean };
  /**
   * The types of what `a_fetch` and `b_fetch` load at a row and column, of which `a_read` and `b_read` make numbers; of an operand without, `_at` does
   * both. On subgroup matrices.
   */
  readonly fetched?: { readonly a?: string; readonly b?: string };
  /** Which operands are scaled halves already, as `a_halves_at` and `b_halves_at` give them at a row and an even column; on subgroup matrices, in f16. */
  readonly scaled?: ScaledOperands;
  /** Whether `store`, once `again` is true, adds to what it has stored before. */
  readonly adds?: boolean;
}

/** The entry point of a kernel whose workgroups have a tile of C each, up to where that begins: `row0` and `column0`. */
export const tileEntry = (threads: number, v: Tile, { enter }: Frame["tiled"]): string =>
  `@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let tiles_n = (p.n + ${v.tileN - 1}u) / ${v.tileN}u;
  let tiles = tiles_n * ((p.m + ${v.tileM - 1}u) / ${v.tileM}u);
  let flat = group.y * groups.x + group.x;
  let part = flat / tiles;
${enter}  let tile = flat % tiles;
  let row0 = (tile / tiles_n) * ${v.tileM}u;
  let column0 = (tile % tiles_n) * ${v.tileN}u;`;
