/**
 * What the kernels of attention on subgroup matrices share. Subgroup matrices are opaque: their elements can be reached only by way of
 * memory. So scores leave the registers for workgroup memory as f32, a strip a subgroup; lanes turn them into what the next product
 * multiplies, and put it down as halves in the same place: a lane takes as many columns as a matrix has, so nobody else reads there.
 * Operands are powers of two times the numbers (`attention_matrix_scales.ts`).
 */

import { putBothText, putText } from "../products/matmul_matrix_template.ts";
import { floatsEach, halvesEach, partsOf } from "../products/matmul_variant.ts";
import { workgroupPlace } from "./attention_template.ts";
import {
  attentionMatrixThreads,
  type AttentionMatrixVariant,
  type MatrixLayout,
  paddedHead,
  sharing,
} from "./attention_matrix_variant.ts";
import { lines, range } from "../shared/text.ts";

/** Matrices of a subgroup's own rows, across a tile, and across a head as columns; and steps of a head and a tile as contractions. */
export function counts(v: AttentionMatrixVariant) {
  const { m, n, k } = v.shape;
  const head = paddedHead(v);
  return {
    strips: v.rows / m,
    across: v.tile / n,
    headColumns: head / n,
    headSteps: head / k,
    tileSteps: v.tile / k,
  };
}

/** Workgroup memory, how numbers come into it as halves, and the entry point up to its body. */
export function matrixSignature(v: AttentionMatrixVariant, layout: MatrixLayout): string {
  return `var<workgroup> staged: array<vec4<u32>, ${layout.elements}>;
const log2e = 1.4426950408889634;
${v.arithmetic === "f16x3" ? putBothText : putText}
@compute @workgroup_size(${attentionMatrixThreads(v)})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let subgroup = local / ${v.lanes}u;
  let lane = local % ${v.lanes}u;
  let row = lane % ${v.shape.m}u; // of a strip: the one whose scores the lane turns
  let shared_by = lane / ${v.shape.m}u;`;
}

/** Where a workgroup stands, and the first own row of this subgroup. */
export function matrixPlace(
  v: AttentionMatrixVariant,
  longestFirst: boolean,
  owns?: "queries" | "keys",
): string {
  const own = `  let own0 = block0 + subgroup * ${v.rows}u;`;
  return workgroupPlace(v, v.subgroups * v.rows, longestFirst, own, owns);
}

/** Whether a subgroup's queries see a tile of keys at all: what it leaves out, others of its processor get done. */
export const seenKeys = (v: AttentionMatrixVariant) =>
  `    let sees = ${v.causal ? `first < own0 + ${v.rows}u` : "true"};`;

/** Puts two vectors down as halves. */
export const put = (v: AttentionMatrixVariant, at: string, left: string, x: string, y: string) =>
  v.arithmetic === "f16x3" ? `put_both(${at}, ${left}, ${x}, ${y});` : `put(${at}, ${x}, ${y});`;

/** Declares results, zero: of each strip, so many across. */
export function declareResults(v: AttentionMatrixVariant, name: string, across: number): string {
  const { m, n } = v.shape;
  return lines(
    range(counts(v).strips).flatMap((i) =>
      range(across).map((j) => `  var ${name}${i}_${j} = subgroup_matrix_result<f32, ${n}, ${m}>();`)
    ),
  );
}

/** out += left · right over `steps` of the contraction; of two parts each, all products but that of what both leave. */
function multiply(
  v: AttentionMatrixVariant,
  out: string,
  left: string,
  steps: number,
  across: number,
  right: (part: number, j: number, step: number) => string,
): string {
  const rights = (part: number, step: number) =>
    range(across).map((j) => `      let right${part}_${j} = ${right(part, j, step)};`);
  // Neighbours add to different results, so that none waits for the one before.
  const products = (a: number, b: number, step: number) =>
    range(counts(v).strips).flatMap((i) =>
      range(across).map((j) =>
        `      ${out}${i}_${j} = subgroupMatrixMultiplyAccumulate(${left}${a}_${i}_${step}, right${b}_${j}, ${out}${i}_${j});`
      )
    );
  return lines(
    range(steps).map((step) =>
      lines([
        "    {",
        ...rights(0, step),
        ...products(0, 0, step),
        ...partsOf(v) === 2 ? [...products(1, 0, step), ...rights(1, step), ...products(0, 1, step)] : [],
        "    }",
      ])
    ),
  );
}

const rightType = ({ shape: { n, k } }: AttentionMatrixVariant) => `subgroup_matrix_right<f16, ${n}, ${k}>`;

/** out (own rows × the tile's) += left (own rows) · tileᵀ, over the head. */
export function multiplyHead(
  v: AttentionMatrixVariant,
  { head: { pitch }, tiles }: MatrixLayout,
  out: string,
  left: string,
  place: number,
): string {
  const { n, k } = v.shape;
  const { headSteps, across } = counts(v);
  return multiply(
    v,
    out,
    left,
    headSteps,
    across,
    (part, j, step) =>
      `subgroupMatrixLoad<${rightType(v)}, col_major>(&staged, ${
        tiles[place][part] + j * n * pitch + step * k / halvesEach
      }u, ${pitch}u)`,
  );
}

/** out (own rows × head) += left (own rows × the tile's) · tile. */
export function multiplyTile(
  v: AttentionMatrixVariant,
  { head: { pitch }, tiles }: MatrixLayout,
  out: string,
  left: string,
  place: number,
): string {
  const { n, k } = v.shape;
  const { tileSteps, headColumns } = counts(v);
  return multiply(
    v,
    out,
    left,
    tileSteps,
    headColumns,
    (part, j, step) =>
      `subgroupMatrixLoad<${rightType(v)}, row_major>(&staged, ${
        tiles[place][part] + step * k * pitch + j * n / halvesEach
      }u, ${pitch}u)`,
  );
}

/** Where a subgroup's strip of scores begins. */
export const stripAt = (v: AttentionMatrixVariant, { scores }: MatrixLayout, place: number, i: number) =>
  `subgroup * ${v.rows * scores.pitch}u + ${scores.begins[place] + i * v.shape.m * scores.pitch}u`;

/** Stores results as numbers in the subgroup's strips: `count` of them from the j-th on. */
export function storeResults(
  v: AttentionMatrixVariant,
  layout: MatrixLayout,
  name: string,
  place: number,
  first: number,
  count: number,
): string {
  return lines(
    range(counts(v).strips).flatMap((i) =>
      range(count).map((j) =>
        `    subgroupMatrixStore<row_major>(&staged, ${stripAt(v, layout, place, i)} + ${
          j * v.shape.n / floatsEach
        }u, ${name}${i}_${first + j}, ${layout.scores.pitch}u);`
      )
    ),
  );
}

/** The vectors of its row of a strip that a lane turns: names, their places, and the first column of each in the tile. */
export function laneVectors(v: AttentionMatrixVariant, layout: MatrixLayout, place: number, i: number) {
  const { k } = v.shape;
  const each = k / floatsEach;
  const groups = v.tile / (k * sharing(v));
  return range(groups).flatMap((g) =>
    range(each).map((e) => ({
      name: `${g}_${e}`,
      at: `${stripAt(v, layout, place, i)} + row * ${layout.scores.pitch}u + (shared_by + ${
        g * sharing(v)
      }u) * ${each}u + ${e}u`,
      column: `(shared_by + ${g * sharing(v)}u) * ${k}u + ${e * floatsEach}u`,
    }))
  );
}

/** Puts a lane's vectors `name{g}_{e}` down as halves, where their scores were; both parts fit there. */
export function putLaneVectors(
  v: AttentionMatrixVariant,
  layout: MatrixLayout,
  name: string,
  place: number,
  i: number,
): string {
  const { k } = v.shape;
  const each = k / floatsEach;
  const groups = v.tile / (k * sharing(v));
  const vectors = laneVectors(v, layout, place, i);
  return lines(
    range(groups).flatMap((g) =>
      range(each / 2).map((pair) => {
        const [x, y] = [`${name}${g}_${2 * pair}`, `${name}${g}_${2 * pair + 1}`];
        const at = `${vectors[g * each].at} + ${pair}u`;
        return `      ${put(v, at, `${at} + ${k / halvesEach}u`, x, y)}`;
      })
    ),
  );
}

/** Loads what lanes put down in the strips as left matrices `name{part}_{strip}_{step}`. */
export function loadTurned(
  v: AttentionMatrixVariant,
  layout: MatrixLayout,
  name: string,
  place: number,
): string {
  const { m, k } = v.shape;
  const { strips, tileSteps } = counts(v);
  return lines(
    range(partsOf(v)).flatMap((part) =>
      range(strips).flatMap((i) =>
        range(tileSteps).map((step) =>
          `    let ${name}${part}_${i}_${step} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${k}, ${m}>, row_major>(&staged, ${
            stripAt(v, layout, place, i)
          } + ${step * k / floatsEach + part * k / halvesEach}u, ${layout.scores.pitch}u);`
        )
      )
    ),
  );
}

/** Adds or compares what the lanes that share a row have. */
export function acrossLanes(
  v: AttentionMatrixVariant,
  name: string,
  combine: (a: string, b: string) => string,
): string {
  return lines(
    range(Math.log2(sharing(v))).map((bit) =>
      `      ${name} = ${combine(name, `subgroupShuffleXor(${name}, ${v.shape.m << bit}u)`)};`
    ),
  );
}
