/** How what attention on subgroup matrices reads comes into workgroup memory as halves: a subgroup's own rows, and tiles of the other side. */

import { halvesEach, partsOf } from "../products/matmul_variant.ts";
import { isHalved, look, type Observing } from "./attention_matrix_scales.ts";
import { counts, put } from "./attention_matrix_template.ts";
import {
  attentionMatrixThreads,
  type AttentionMatrixVariant,
  type MatrixLayout,
  paddedHead,
} from "./attention_matrix_variant.ts";
import { isGrouped, slice } from "./attention_template.ts";
import { lines, range } from "../shared/text.ts";

/** Reads parts of the rows of q, k and v, zero beyond the head: vectors, or elements of scaled halves. */
export function readersOfInputs(v: AttentionMatrixVariant): string {
  if (!v.apart) return part("qkv", v);
  const reader = v.halved?.qkv ? halvesAt : part;
  return lines(["q", "k", "v"].map((name) => reader(name, v, name === "q" ? "qkv_stride" : "kv_stride")));
}

/** The same of dO. */
export const readerOfGradient = (v: AttentionMatrixVariant): string =>
  (v.halved?.d ? halvesAt : part)("d", v, "d_stride");

/** Elements of scaled halves, of heads that begin with whole ones; `stride` names the parameter, in vectors. */
function halvesAt(name: string, v: AttentionMatrixVariant, stride: string): string {
  const elements = v.headSize / halvesEach;
  const at = (i: string) => `${name}_halves[row * (p.${stride} / 2) + first / ${halvesEach}u + ${i}]`;
  return `
fn ${name}_halves_at(row: u32, first: u32, i: u32) -> vec4<u32> {
  return ${
    v.headSize < paddedHead(v)
      ? `select(vec4<u32>(), ${at(`min(i, ${elements - 1}u)`)}, i < ${elements}u)`
      : at("i")
  };
}
`;
}

/** Vectors of an operand. */
function part(name: string, v: AttentionMatrixVariant, stride?: string): string {
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
function columnOf(x: Read, v: AttentionMatrixVariant): string {
  if (x !== "d" && !v.apart) return `${x}_column`;
  return isGrouped(v) && (x === "k" || x === "v") ? `(key_head * ${v.headSize}u)` : "q_column";
}

/** Brings the subgroup's own rows of x into left matrices `x{part}_{strip}_{step}`, by way of workgroup memory, and looks at numbers. */
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
  const [read, column] = [operandOf(x, v), columnOf(x, v)];
  const load = isHalved(x, v.halved)
    ? `    var halves = vec4<u32>();
    if (own < p.sequence) { halves = ${read}_halves_at(start + own, ${column}, i); }
    staged[to] = halves;`
    : `    var x = vec4<f32>();
    var y = vec4<f32>();
    if (own < p.sequence) {
      x = ${read}_part(start + own, ${column}, 2 * i);
      y = ${read}_part(start + own, ${column}, 2 * i + 1);
    }
    ${look(x, ["x", "y"], scaling)}
    ${put(v, "to", `to + ${each}u`, `${x}_scale * x`, `${x}_scale * y`)}`;
  return lines(
    range(counts(v).strips).map((i) =>
      `  workgroupBarrier();
  for (var at = lane; at < ${m * width}u; at += ${v.lanes}u) {
    let own = own0 + ${i * m}u + at / ${width}u;
    let i = at % ${width}u;
    let to = ${base} + at / ${width}u * ${pitch}u + i;
${load}
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

/** A tile's rows on their way: what a thread reads of them, vectors or scaled halves, and the elements that it puts. */
export interface MatrixTile {
  readonly name: string;
  readonly of: Read;
}

const elementsOf = (v: AttentionMatrixVariant) => v.tile * paddedHead(v) / halvesEach;
const roundsOf = (v: AttentionMatrixVariant) => range(Math.ceil(elementsOf(v) / attentionMatrixThreads(v)));

/** What a thread holds of a tile for each element: one of scaled halves, or two vectors; and what each is where nothing is read. */
const held = (v: AttentionMatrixVariant, { name, of }: MatrixTile, round: number) =>
  isHalved(of, v.halved)
    ? { names: [`${name}${round}`], zero: "vec4<u32>()" }
    : { names: range(2).map((half) => `${name}${round}_${half}`), zero: "vec4<f32>()" };

/** Asks whether a thread has an element of a tile in a round, where not all have. */
function ofThread(v: AttentionMatrixVariant, round: number): string {
  const [threads, elements] = [attentionMatrixThreads(v), elementsOf(v)];
  return (round + 1) * threads <= elements ? "" : `if (local < ${elements - round * threads}u) `;
}

/** Declares what a thread holds of a tile. */
export const declareTileVectors = (v: AttentionMatrixVariant, tile: MatrixTile) =>
  lines(
    roundsOf(v).map((round) => {
      const { names, zero } = held(v, tile, round);
      return `  ${names.map((name) => `var ${name} = ${zero};`).join(" ")}`;
    }),
  );

/** Reads the rows from `first` on, zero beyond the sequence. */
export function readTile(v: AttentionMatrixVariant, tile: MatrixTile, first: string): string {
  const width = paddedHead(v) / halvesEach;
  const [read, column] = [operandOf(tile.of, v), columnOf(tile.of, v)];
  return lines(
    roundsOf(v).map((round) => {
      const at = `(local + ${round * attentionMatrixThreads(v)}u)`;
      const { names, zero } = held(v, tile, round);
      const reads = names.map((name, half) =>
        names.length === 1
          ? `${name} = ${read}_halves_at(start + other, ${column}, ${at} % ${width}u);`
          : `${name} = ${read}_part(start + other, ${column}, ${at} % ${width}u * 2 + ${half});`
      );
      return `    ${ofThread(v, round)}{ let other = ${first} + ${at} / ${width}u; ` +
        `if (other < p.sequence) { ${reads.join(" ")} } ` +
        `else { ${names.map((name) => `${name} = ${zero};`).join(" ")} } }`;
    }),
  );
}

/**
 * Puts what was read down, in the tile's place. Of what is looked at, keys and values, a workgroup looks at the rows of its own block, if it has
 * the first of the heads that share them: all do at all, once.
 */
export function putTile(
  v: AttentionMatrixVariant,
  { head: { pitch }, tiles }: MatrixLayout,
  tile: MatrixTile,
  place: number,
  scaling?: Observing,
): string {
  const width = paddedHead(v) / halvesEach;
  const { of } = tile;
  const first = isGrouped(v) ? `head % ${v.group}u == 0 && ` : "";
  return lines(
    roundsOf(v).map((round) => {
      const g = `(local + ${round * attentionMatrixThreads(v)}u)`;
      const at = `let at = ${g} / ${width}u * ${pitch}u + ${g} % ${width}u;`;
      const { names } = held(v, tile, round);
      if (names.length === 1) {
        return `    ${ofThread(v, round)}{ ${at} staged[at + ${tiles[place][0]}u] = ${names[0]}; }`;
      }
      const [x, y] = names.map((vector) => `${of}_scale * ${vector}`);
      const looks = look(of, names, scaling);
      const looked = looks &&
        `if (${first}first + ${g} / ${width}u - block0 < ${v.subgroups * v.rows}u) { ${looks} } `;
      return `    ${ofThread(v, round)}{ ${looked}${at} ` +
        `${put(v, `at + ${tiles[place][0]}u`, `at + ${tiles[place][1] ?? 0}u`, x, y)} }`;
    }),
  );
}
