/** How the other side's rows come into workgroup memory, tile by tile, and the loop over them. */

import { type AttentionRows, blockRows, skips, vectors } from "./attention_template.ts";
import { lines, range } from "../shared/text.ts";

/**
 * Declares a tile of the other side's rows in workgroup memory. It is nested, so that the vector is a constant index: naga checks every
 * index that is not, and here all of a row's vectors share their checks.
 */
export function declareTile(v: AttentionRows, name: string): string {
  const { own } = vectors(v);
  return `var<workgroup> ${name}: array<array<array<vec4<f32>, ${v.split}>, ${own}>, ${v.tile}>;`;
}

/** Tiles of the other side's rows: the name in workgroup memory, and the operand and its first column. */
type Tiles = readonly (readonly [name: string, operand: string, column: string])[];

/** Vectors of each tile that a thread may have under way at once: more would want too many registers. */
const mostUnderWay = 8;
/** Threads of a workgroup from which on it is a GPU's: a software adapter would compile for long what stands out one by one. */
const fewThreads = 32;

/** What comes beside the rows of a tile, a value for each: its name in workgroup memory, and how it is read of a row. */
interface Beside {
  readonly name: string;
  readonly of: (row: string) => string;
}

/**
 * Loads a tile of rows [first, first + tile) of matrices into workgroup memory, zero beyond the sequence, and what comes beside them, of the
 * last row beyond it.
 */
function loadTiles(v: AttentionRows, tiles: Tiles, beside?: Beside): string {
  const { padded } = vectors(v);
  const value = (other: string) => beside?.of(`(start + min(first + ${other}, p.sequence - 1))`);
  const each = Math.ceil(v.tile * padded / v.threads);
  const at = (place: string) =>
    `[${place} / ${padded}u][${place} % ${padded}u / ${v.split}u][${place} % ${v.split}u]`;
  if (each > mostUnderWay || v.threads < Math.max(fewThreads, v.tile)) {
    return `
    workgroupBarrier();
    for (var at = local; at < ${v.tile * padded}u; at += ${v.threads}u) {
      let other = first + at / ${padded}u;
      if (other < p.sequence) {
${
      lines(tiles.map(([name, operand, column]) =>
        `        ${name}${at("at")} = ${operand}_slice(start + other, ${column}, at % ${padded}u);`
      ))
    }
      } else {
${lines(tiles.map(([name]) => `        ${name}${at("at")} = vec4<f32>();`))}
      }
    }
${
      beside
        ? `    for (var at = local; at < ${v.tile}u; at += ${v.threads}u) { ${beside.name}[at] = ${
          value("at")
        }; }`
        : ""
    }
    workgroupBarrier();`;
  }
  // All are asked for before the first is waited for.
  const guard = (n: number) =>
    (n + 1) * v.threads > v.tile * padded ? `if (at${n} < ${v.tile * padded}u) ` : "";
  return `
    {
${beside ? `      let beside = ${value(`min(local, ${v.tile - 1}u)`)};` : ""}
${
    lines(
      range(each).flatMap((n) => [
        `      let at${n} = local + ${
          n * v.threads
        }u; let other${n} = first + at${n} / ${padded}u; let from${n} = start + min(other${n}, p.sequence - 1);`,
        ...tiles.map(([name, operand, column]) =>
          `      let ${name}_${n} = select(vec4<f32>(), ${operand}_slice(from${n}, ${column}, at${n} % ${padded}u), other${n} < p.sequence);`
        ),
      ]),
    )
  }
    workgroupBarrier();
${
    lines(
      range(each).map((n) =>
        `      ${guard(n)}{ ${tiles.map(([name]) => `${name}${at(`at${n}`)} = ${name}_${n};`).join(" ")} }`
      ),
    )
  }
${beside ? `      if (local < ${v.tile}u) { ${beside.name}[local] = beside; }` : ""}
    }
    workgroupBarrier();`;
}

/**
 * The loop over the rows of the other side: tiles, and in them `unroll` rows at once. Where these are several heads' that share keys, from
 * `firstHead` on, one head's after the other's.
 */
export function loop(
  v: AttentionRows,
  first: string,
  end: string,
  tiles: Tiles,
  body: string,
  { owns, firstHead, beside }: { owns?: "queries" | "keys"; firstHead?: string; beside?: Beside } = {},
): string {
  const [from, until] = !skips(v)
    ? ["0u", end]
    : owns === "keys"
    ? [`select(0u, (seen - first) / ${v.unroll}u * ${v.unroll}u, seen > first)`, end]
    : ["0u", `min(${end}, seen)`];
  const header = firstHead === undefined
    ? `  for (var first = ${first}; first < ${end}; first += ${v.tile}u) {`
    : `  let first_tile = ${first};
  let tiles = (${end} - first_tile + ${v.tile - 1}u) / ${v.tile}u;
  for (var step = 0u; step < ${v.group}u * tiles; step++) {
    let head = ${firstHead} + step / tiles;
    let q_column = head * ${v.headSize}u;
    let first = first_tile + step % tiles * ${v.tile}u;`;
  return `${header}
${loadTiles(v, tiles, beside)}
    for (var u0 = ${from}; u0 < ${v.tile}u && first + u0 < ${until}; u0 += ${v.unroll}u) {
${body}
    }
  }`;
}

/** The tiles of kernels that go over keys. */
export const keyTiles: Tiles = [["keys", "qkv", "k_column"], [
  "values",
  "qkv",
  "v_column",
]];

/** The first key that no query of the block sees. */
export const endOfKeys = (v: AttentionRows) =>
  v.causal ? `min(p.sequence, block0 + ${blockRows(v)}u)` : "p.sequence";
