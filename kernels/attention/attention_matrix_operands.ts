/** How what attention on subgroup matrices reads comes into workgroup memory as halves: a subgroup's own rows, and tiles of the other side. */

import { halvesEach, partsOf } from "../products/matmul_variant.ts";
import { look, type Observing } from "./attention_matrix_scales.ts";
import { counts, put } from "./attention_matrix_template.ts";
import {
  attentionMatrixThreads,
  type AttentionMatrixVariant,
  type MatrixLayout,
  paddedHead,
} from "./attention_matrix_variant.ts";
import { lines, range, slice } from "./attention_template.ts";

/** Parts of the rows of q, k and v as vectors, zero beyond the head. */
export const partsOfInputs = (v: AttentionMatrixVariant): string =>
  v.apart ? lines(["q", "k", "v"].map((name) => part(name, v, "qkv_stride"))) : part("qkv", v);

/** The same of an operand; `stride` names its parameter. */
export function part(name: string, v: AttentionMatrixVariant, stride?: string): string {
  const vectors = Math.ceil(v.headSize / 4);
  return `${slice(name, { headSize: v.headSize, split: 1 }, stride)}
fn ${name}_part(row: u32, first: u32, i: u32) -> vec4<f32> {
  return ${
    4 * vectors < paddedHead(v)
      ? `select(vec4<f32>(), ${name}_slice(row, first, min(i, ${vectors - 1}u)), i < ${vectors}u)`
      : `${name}_slice(row, first, i)`
  };
}
`;
}

/** What is read of operands `qkv`, or `q`, `k` and `v`, and `d` (dO). */
export type Read = "q" | "k" | "v" | "d";

const operandOf = (x: Read, { apart }: AttentionMatrixVariant) => x === "d" || apart ? x : "qkv";
const columnOf = (x: Read, { apart }: AttentionMatrixVariant) =>
  x === "d" || apart ? "q_column" : `${x}_column`;

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
      x = ${operandOf(x, v)}_part(start + own, ${columnOf(x, v)}, 2 * i);
      y = ${operandOf(x, v)}_part(start + own, ${columnOf(x, v)}, 2 * i + 1);
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
        `${name}${round}_${half} = ${operandOf(of, v)}_part(start + other, ${
          columnOf(of, v)
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
