/**
 * What the kernels of attention on subgroup matrices share. Subgroup matrices are opaque: their elements can be reached only by way of
 * memory. So scores leave the registers for workgroup memory as f32, a strip a subgroup; lanes turn them into what the next product
 * multiplies, and put it down as halves in the same place: a lane takes as many columns as a matrix has, so nobody else reads there.
 * Operands are powers of two times the numbers (`attention_matrix_scales.ts`).
 */

import { longestSum, putBothText, putText } from "../products/matmul_matrix_template.ts";
import { floatsEach, halvesEach, partsOf } from "../products/matmul_variant.ts";
import { look, type Observing } from "./attention_matrix_scales.ts";
import { lines, range, slice, store, workgroupPlace } from "./attention_template.ts";
import {
  attentionMatrixThreads,
  type AttentionMatrixVariant,
  type MatrixLayout,
  paddedHead,
  sharing,
} from "./attention_matrix_variant.ts";

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

/** Parts of an operand's rows as vectors, zero beyond the head. */
export function part(name: string, v: AttentionMatrixVariant): string {
  const vectors = Math.ceil(v.headSize / 4);
  return `${slice(name, { headSize: v.headSize, split: 1 })}
fn ${name}_part(row: u32, first: u32, i: u32) -> vec4<f32> {
  return ${
    4 * vectors < paddedHead(v)
      ? `select(vec4<f32>(), ${name}_slice(row, first, min(i, ${vectors - 1}u)), i < ${vectors}u)`
      : `${name}_slice(row, first, i)`
  };
}
`;
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
export function matrixPlace(v: AttentionMatrixVariant, longestFirst: boolean): string {
  const own = `  let own0 = block0 + subgroup * ${v.rows}u;`;
  return workgroupPlace(v, v.subgroups * v.rows, longestFirst, own);
}

/** Whether a subgroup's queries see a tile of keys at all: what it leaves out, others of its processor get done. */
export const seenKeys = (v: AttentionMatrixVariant) =>
  `    let sees = ${v.causal ? `first < own0 + ${v.rows}u` : "true"};`;

/** Puts two vectors down as halves. */
const put = (v: AttentionMatrixVariant, at: string, left: string, x: string, y: string) =>
  v.arithmetic === "f16x3" ? `put_both(${at}, ${left}, ${x}, ${y});` : `put(${at}, ${x}, ${y});`;

/** What is read of operands `qkv` and `d` (dO). */
export type Read = "q" | "k" | "v" | "d";

const operandOf = (x: Read) => x === "d" ? "d" : "qkv";
const columnOf = (x: Read) => x === "d" ? "q_column" : `${x}_column`;

/** Brings the subgroup's own rows of x into left matrices `x{part}_{strip}_{step}`, by way of workgroup memory, and looks at them. */
export function loadOwn(
  v: AttentionMatrixVariant,
  { head: { pitch } }: MatrixLayout,
  x: Read,
  scaling: Observing,
): string {
  const { m, k } = v.shape;
  const width = paddedHead(v) / halvesEach;
  const [parts, each] = [partsOf(v), m * pitch];
  const base = `subgroup * ${parts * each}u`;
  return lines(
    range(counts(v).strips).map((i) =>
      `  workgroupBarrier();
  for (var at = lane; at < ${m * width}u; at += ${v.lanes}u) {
    let own = own0 + ${i * m}u + at / ${width}u;
    let i = at % ${width}u;
    var x = vec4<f32>();
    var y = vec4<f32>();
    if (own < p.sequence) {
      x = ${operandOf(x)}_part(start + own, ${columnOf(x)}, 2 * i);
      y = ${operandOf(x)}_part(start + own, ${columnOf(x)}, 2 * i + 1);
    }
    ${look(x, ["x", "y"], scaling)}
    let to = ${base} + at / ${width}u * ${pitch}u + i;
    ${put(v, "to", `to + ${each}u`, `${x}_scale * x`, `${x}_scale * y`)}
  }
  workgroupBarrier();
${
        lines(
          range(parts).flatMap((part) =>
            range(counts(v).headSteps).map((step) =>
              `  let ${x}${part}_${i}_${step} = subgroupMatrixLoad<subgroup_matrix_left<f16, ${k}, ${m}>, row_major>(&staged, ${base} + ${
                part * each + step * k / halvesEach
              }u, ${pitch}u);`
            )
          ),
        )
      }`
    ),
  );
}

/** A tile's rows on their way: the vectors that a thread reads, and the elements that it puts. */
export interface MatrixTile {
  readonly name: string;
  readonly of: Read;
}

const elementsOf = (v: AttentionMatrixVariant) => v.tile * paddedHead(v) / halvesEach;
const roundsOf = (v: AttentionMatrixVariant) => range(Math.ceil(elementsOf(v) / attentionMatrixThreads(v)));

/** Asks whether a thread has an element of a tile in a round, where not all have. */
function ofThread(v: AttentionMatrixVariant, round: number): string {
  const [threads, elements] = [attentionMatrixThreads(v), elementsOf(v)];
  return (round + 1) * threads <= elements ? "" : `if (local < ${elements - round * threads}u) `;
}

/** Declares the vectors of a tile that a thread holds. */
export const declareTileVectors = (v: AttentionMatrixVariant, { name }: MatrixTile) =>
  lines(
    roundsOf(v).map((round) => `  var ${name}${round}_0 = vec4<f32>(); var ${name}${round}_1 = vec4<f32>();`),
  );

/** Reads the rows from `first` on, zero beyond the sequence. */
export function readTile(v: AttentionMatrixVariant, tile: MatrixTile, first: string): string {
  const width = paddedHead(v) / halvesEach;
  const { name, of } = tile;
  return lines(
    roundsOf(v).map((round) => {
      const at = `(local + ${round * attentionMatrixThreads(v)}u)`;
      const read = range(2).map((half) =>
        `${name}${round}_${half} = ${operandOf(of)}_part(start + other, ${
          columnOf(of)
        }, ${at} % ${width}u * 2 + ${half});`
      );
      return `    ${ofThread(v, round)}{ let other = ${first} + ${at} / ${width}u; ` +
        `if (other < p.sequence) { ${read.join(" ")} } ` +
        `else { ${name}${round}_0 = vec4<f32>(); ${name}${round}_1 = vec4<f32>(); } }`;
    }),
  );
}

/** Puts what was read down, in the tile's place. Of what is looked at, a workgroup looks at the rows of its own block: all do at all, once. */
export function putTile(
  v: AttentionMatrixVariant,
  { head: { pitch }, tiles }: MatrixLayout,
  { name, of }: MatrixTile,
  place: number,
  scaling?: Observing,
): string {
  const width = paddedHead(v) / halvesEach;
  return lines(
    roundsOf(v).map((round) => {
      const g = `(local + ${round * attentionMatrixThreads(v)}u)`;
      const vectors = range(2).map((half) => `${name}${round}_${half}`);
      const [x, y] = vectors.map((vector) => `${of}_scale * ${vector}`);
      const looks = look(of, vectors, scaling);
      const looked = looks &&
        `if (first + ${g} / ${width}u - block0 < ${v.subgroups * v.rows}u) { ${looks} } `;
      return `    ${
        ofThread(v, round)
      }{ ${looked}let at = ${g} / ${width}u * ${pitch}u + ${g} % ${width}u; ` +
        `${put(v, `at + ${tiles[place][0]}u`, `at + ${tiles[place][1] ?? 0}u`, x, y)} }`;
    }),
  );
}

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

/**
 * Passes results (own rows × head) through the subgroup's strips, as many columns at once as fit. `each(strip)` is WGSL in which all lanes
 * have a vector `value` of the strip's row `r`, at `at`, the `i`-th of the head's; `after` takes results from where they then are.
 */
export function passResults(
  v: AttentionMatrixVariant,
  layout: MatrixLayout,
  name: string,
  each: (i: number) => string,
  after?: (i: number, j: number, at: string) => string,
): string {
  const { headColumns, strips, across } = counts(v);
  const { m, n } = v.shape;
  const chunks = range(Math.ceil(headColumns / across));
  return lines(chunks.map((chunk) => {
    const first = chunk * across;
    const count = Math.min(across, headColumns - first);
    const width = count * n / floatsEach;
    return `    workgroupBarrier();
${storeResults(v, layout, name, 0, first, count)}
    workgroupBarrier();
${
      lines(
        range(strips).map((i) =>
          `    for (var g = 0u; g < ${m * width}u; g += ${v.lanes}u) {
      let r = min((g + lane) / ${width}u, ${m - 1}u);
      let column = (g + lane) % ${width}u;
      let own = own0 + ${i * m}u + r;
      let i = ${first * n / floatsEach}u + column; // of the head's vectors
      let at = ${stripAt(v, layout, 0, i)} + r * ${layout.scores.pitch}u + column;
      let value = bitcast<vec4<f32>>(staged[at]);
      let inside = g + lane < ${m * width}u;
${each(i)}
    }`
        ),
      )
    }
${
      after
        ? lines([
          "    workgroupBarrier();",
          ...range(strips).flatMap((i) =>
            range(count).map((j) =>
              after(i, first + j, `${stripAt(v, layout, 0, i)} + ${j * n / floatsEach}u`)
            )
          ),
        ])
        : ""
    }`;
  }));
}

/** Whether sums over the other side are stored every {@linkcode longestSum} of its rows. */
const summedInParts = (v: AttentionMatrixVariant) => partsOf(v) === 2;

/** Reads vectors of an output back. */
function back(name: string, { headSize }: AttentionMatrixVariant): string {
  const whole = `  return ${name}[row * p.${name}_stride + first / 4 + i];`;
  const gathered = `  var value = vec4<f32>();
  for (var j = 0u; j < 4; j++) {
    let e = 4 * i + j;
    if (e < ${headSize}u) { value[j] = ${name}[row * p.${name}_stride * 4 + first + e]; }
  }
  return value;`;
  return `
fn ${name}_back(row: u32, first: u32, i: u32) -> vec4<f32> {
${headSize % 4 === 0 ? whole : gathered}
}
`;
}

/** Stores vectors of an output, and reads them back where sums are made in parts. */
export function output(name: string, v: AttentionMatrixVariant): string {
  return store(name, { headSize: v.headSize, split: 1 }) + (summedInParts(v) ? back(name, v) : "");
}

/** WGSL, for {@linkcode passResults}, that stores `sum` times `factor` in an output, with what it holds already times `carried` added to the sum. */
export function storeSum(
  v: AttentionMatrixVariant,
  name: string,
  column: string,
  sum: string,
  { factor = "1.0", carried = "1.0" } = {},
): string {
  const more = summedInParts(v)
    ? `if (again) { sum += ${carried} * ${name}_back(start + own, ${column}, i); }`
    : "";
  return `      if (inside && own < p.sequence && i < ${Math.ceil(v.headSize / 4)}u) {
        var sum = ${sum};
        ${more}
        ${name}_store(start + own, ${column}, i, sum * ${factor});
      }`;
}

/**
 * What becomes of the results `names` of a loop over `first` to `end`: `text` stores them, in f16 after the loop, in f16x3 within it every so
 * many rows. `ends` tells `text` whether it does so for the last time, `again` whether it has before.
 */
export function leaving(v: AttentionMatrixVariant, end: string, names: string[], text: string) {
  if (!summedInParts(v)) return { before: "", inside: "", after: `  let ends = true;\n${text}` };
  const { m, n } = v.shape;
  const { strips, headColumns } = counts(v);
  const zeros = names.flatMap((name) =>
    range(strips).flatMap((i) =>
      range(headColumns).map((j) => `      ${name}${i}_${j} = subgroup_matrix_result<f32, ${n}, ${m}>();`)
    )
  );
  return {
    before: "  var again = false;\n  var steps = 0u;",
    inside: `    steps += ${v.tile}u;
    let ends = first + ${v.tile}u >= ${end};
    if (ends || steps == ${longestSum}u) {
${text}
${lines(zeros)}
      again = true;
      steps = 0u;
    }`,
    after: "",
  };
}
