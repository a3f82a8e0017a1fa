/**
 * Writes the text of products on subgroup matrices. Tiles of A and B come into workgroup memory as halves, as they lie in their rows, and
 * are loaded by rows or by columns, as the product wants them; sums are f32, and leave by way of workgroup memory, too, for `store`.
 */

import { type Frame, tileEntry } from "./matmul_frame.ts";
import {
  alongK,
  floatsEach,
  halvesEach,
  type MatrixVariant,
  partsOf,
  type Product,
} from "./matmul_variant.ts";
import { range } from "../shared/text.ts";

/**
 * Steps of a contraction that f16x3 leaves to matrix units at once, attention's as well: they round sums towards zero, so that errors grow
 * with the number of steps.
 */
export const longestSum = 768;

/** An operand's tile: `rows` rows of `columns` halves, each followed by one element that spreads rows over the banks. */
interface Tile {
  readonly operand: "a" | "b";
  readonly along: boolean;
  readonly columns: number;
  readonly pitch: number;
  readonly elements: number;
  /** Where the tile begins in workgroup memory, by halves: the first is the rounded number, the second what is left of it. */
  readonly begins: readonly number[];
}

function tilesOf(product: Product, v: MatrixVariant): { a: Tile; b: Tile; elements: number } {
  let begin = 0;
  const tile = (operand: "a" | "b", extent: number): Tile => {
    const along = alongK(product, operand);
    const [rows, columns] = along ? [extent, v.tileK] : [v.tileK, extent];
    const pitch = columns / halvesEach + 1;
    const begins = range(partsOf(v)).map((part) => begin + part * rows * pitch);
    begin += partsOf(v) * rows * pitch;
    return { operand, along, columns, pitch, elements: rows * columns / halvesEach, begins };
  };
  return { a: tile("a", v.tileM), b: tile("b", v.tileN), elements: begin };
}

/** Elements of workgroup memory from one row of a subgroup's sums to the next, and of a strip of them: a row of matrices. */
function stripOf({ subgroupN, shape }: MatrixVariant): { pitch: number; elements: number } {
  const pitch = subgroupN / floatsEach + 1;
  return { pitch, elements: shape.m * pitch };
}

const subgroupsOf = (v: MatrixVariant) => (v.tileM / v.subgroupM) * (v.tileN / v.subgroupN);

/** Invocations of a workgroup. */
export const matrixThreads = (v: MatrixVariant): number => subgroupsOf(v) * v.lanes;

/** Bytes of workgroup memory: of the tiles, and in the same place of what leaves. */
export function matrixBytes(product: Product, v: MatrixVariant): number {
  return 16 * Math.max(v.buffers * tilesOf(product, v).elements, subgroupsOf(v) * stripOf(v).elements);
}

/** Eight numbers as halves, in one element. What is no number is beyond no limit, and stays none; a clamp would make a number of it. */
export const halvesText = `
fn within_halves(x: vec4<f32>) -> vec4<f32> {
  let limit = bitcast<vec4<f32>>((bitcast<vec4<u32>>(x) & vec4(0x80000000u)) | vec4(0x477fe000u)); // 65504, of the number's sign
  return select(x, limit, abs(x) > vec4(65504.0));
}

fn halves(x: vec4<f32>, y: vec4<f32>) -> vec4<u32> {
  return vec4(bitcast<vec2<u32>>(vec4<f16>(x)), bitcast<vec2<u32>>(vec4<f16>(y)));
}
`;

/** Puts eight numbers down as halves, in one element. */
export const putText = `${halvesText}
fn put(at: u32, x: vec4<f32>, y: vec4<f32>) {
  staged[at] = halves(within_halves(x), within_halves(y));
}
`;

/** The same, and what the halves leave of the numbers in another. */
export const putBothText = `${putText}
// To the eleven bits of a half. A compiler may take f32(f16(x)) for x, and then nothing would be left.
fn rounded(x: vec4<f32>) -> vec4<f32> {
  return bitcast<vec4<f32>>((bitcast<vec4<u32>>(x) + vec4(0x1000u)) & vec4(0xffffe000u));
}

fn put_both(at: u32, left_at: u32, x: vec4<f32>, y: vec4<f32>) {
  let low = within_halves(x);
  let high = within_halves(y);
  staged[at] = halves(rounded(low), rounded(high));
  staged[left_at] = halves(low - rounded(low), high - rounded(high));
}
`;

const sights = {
  a: "let a_observed = (p.observed & 1) != 0 && tile % tiles_n == 0;",
  b: "let b_observed = (p.observed & 2) != 0 && tile < tiles_n;",
};

/**
 * Scales by what the last step saw. The workgroups of C's first column look at A, those of its first row at B: at each number once, of the
 * operands that this product looks at itself.
 */
const scaledText = (observes: boolean, looksAt: readonly ("a" | "b")[]) =>
  `  if (local < 2) {
    let largest = ${
    observes ? "atomicLoad(&seen[last_seen(local)].largest)" : "seen[last_seen(local)].largest"
  };
    staged[local] = vec4(bitcast<u32>(scale_from(largest).x));
  }
  workgroupBarrier();
  let a_scale = bitcast<f32>(staged[0].x);
  let b_scale = bitcast<f32>(staged[1].x);
  workgroupBarrier();${
    observes
      ? `
  if (flat == 0 && local < 2) {
    atomicStore(&seen[next_seen(local)].largest, 0u);
  }
${
        [
          ...looksAt.map((operand) => sights[operand]),
          ...looksAt.map((operand) => `var ${operand}_saw = vec2<u32>();`),
        ].map((line) => `  ${line}`).join("\n")
      }`
      : ""
  }`;

/** Looks at eight numbers of an operand. What few workgroups need is computed anew: all have to find registers for it. */
const lookText = (operand: string) =>
  `if (${operand}_observed) { let limit = bitcast<u32>(halves_reach * inverse_of(${operand}_scale)); ` +
  `${operand}_saw = looked(looked(${operand}_saw, x0, limit), x1, limit); } `;

/** Tells what a workgroup saw of an operand. */
const tellText = (operand: "a" | "b") =>
  `  if (${operand}_observed) { tell(${
    operand === "a" ? 0 : 1
  }, lane, ${operand}_saw.x, ${operand}_saw.y); }`;

/** The WGSL of a product on subgroup matrices, within a frame. */
export function matrixText(
  product: Product,
  v: MatrixVariant,
  { header, tiled, scaling, adds, fetched = {}, scaled = {} }: Frame,
): string {
  const { a, b, elements } = tilesOf(product, v);
  const twice = v.buffers === 2;
  const looksAt = (["a", "b"] as const).filter((operand) => !scaled[operand]);
  const threads = matrixThreads(v);
  const strip = stripOf(v);
  const across = v.tileN / v.subgroupN;
  const [down, right] = [v.subgroupM / v.shape.m, v.subgroupN / v.shape.n];
  const name = (t: Tile, round: number, half: number) => `${t.operand}${round}_${half}`;
  const rounds = (t: Tile) => range(Math.ceil(t.elements / threads));

  const typeOf = ({ operand }: Tile) => scaled[operand] ? "vec4<u32>" : fetched[operand] ?? "vec4<f32>";
  /** The halves of what a thread loads of a tile at once: of scaled ones both. */
  const loadsOf = ({ operand }: Tile) => range(scaled[operand] ? 1 : 2);
  /** Where a thread's element of a tile lies in the operand: `row` and `column`. */
  const placeOf = (t: Tile, round: number) => {
    const width = t.columns / halvesEach;
    const first = t.operand === "a" ? "row0" : "column0";
    const g = `(local + ${round * threads}u)`;
    const [down, along] = [`${g} / ${width}u`, `${g} % ${width}u * 2`];
    return t.along
      ? `let row = ${first} + ${down}; let column = k0 / 4 + ${along};`
      : `let row = k0 + ${down}; let column = ${first} / 4 + ${along};`;
  };
  const columnOf = (half: number) => half === 0 ? "column" : "column + 1";
  const inside = (t: Tile, half: number) => {
    const limit = t.operand === "a" ? "p.m" : "p.n";
    const [rowLimit, columnLimit] = t.along ? [limit, "k_end"] : ["k_end", limit];
    return `row < ${rowLimit} && (${columnOf(half)}) * 4 < ${columnLimit}`;
  };
  /** A thread's elements of a tile, eight numbers each, two vectors, or scaled halves; zero beyond the matrix. Whole tiles need not ask. */
  const load = (t: Tile, guarded: boolean) =>
    rounds(t).map((round) => {
      const how = scaled[t.operand] ? "halves_at" : fetched[t.operand] ? "fetch" : "at";
      const lines = loadsOf(t).map((half) => {
        const at = name(t, round, half);
        const load = `${at} = ${t.operand}_${how}(row, ${columnOf(half)});`;
        return guarded ? `if (${inside(t, half)}) { ${load} } else { ${at} = ${typeOf(t)}(); }` : load;
      });
      return `      ${ofThread(t, round)}{ ${[placeOf(t, round), ...lines].join(" ")} }`;
    }).join("\n");
  /** The numbers of what a thread has loaded of a tile, `x0` and `x1`. Reading might make something of the zeros beyond the matrix. */
  const numbers = (t: Tile, round: number) => {
    if (!fetched[t.operand]) {
      return range(2).map((half) => `let x${half} = ${name(t, round, half)};`).join(" ");
    }
    const reads = range(2).map((half) => {
      const read = `${t.operand}_read(${name(t, round, half)}, row, ${columnOf(half)})`;
      return `let x${half} = select(vec4<f32>(), ${read}, (whole && k0 + ${v.tileK}u <= k_end) || (${
        inside(t, half)
      }));`;
    });
    return [placeOf(t, round), ...reads].join(" ");
  };
  /** Asks whether a thread has an element of a tile in a round, where not all have. */
  const ofThread = (t: Tile, round: number) =>
    (round + 1) * threads <= t.elements ? "" : `if (local < ${t.elements - round * threads}u) `;
  const put = (t: Tile) =>
    rounds(t).map((round) => {
      const width = t.columns / halvesEach;
      const at = `let at = (local + ${round * threads}u) / ${width}u * ${t.pitch}u + (local + ${
        round * threads
      }u) % ${width}u;`;
      if (scaled[t.operand]) {
        return `    ${ofThread(t, round)}{ ${at} staged[at + ${t.begins[0]}u${twice ? " + free" : ""}] = ${
          name(t, round, 0)
        }; }`;
      }
      const places = t.begins.map((begin) => `at + ${begin}u${twice ? " + free" : ""}`);
      const [x, y] = range(2).map((half) => scaling ? `${t.operand}_scale * x${half}` : `x${half}`);
      const look = scaling?.observes ? lookText(t.operand) : "";
      return `    ${ofThread(t, round)}{ ${numbers(t, round)} ${look}${at} ${
        v.arithmetic === "f16x3" ? "put_both" : "put"
      }(${[...places, x, y].join(", ")}); }`;
    }).join("\n");
  const loads = (guarded: boolean) => [load(a, guarded), load(b, guarded)].join("\n");
  const loadTiles = `    if (whole && k0 + ${v.tileK}u <= k_end) {
${loads(false)}
    } else {
${loads(true)}
    }`;

  /** A matrix of an operand: the i-th of the subgroup's across the contraction, at step k of it. */
  const matrix = (t: Tile, part: number, i: number, k: number) => {
    const { m, n } = v.shape;
    const [side, size] = t.operand === "a" ? ["left", m] : ["right", n];
    const type = `subgroup_matrix_${side}<f16, ${
      t.operand === "a" ? `${v.shape.k}, ${m}` : `${n}, ${v.shape.k}`
    }>`;
    const held = twice ? "held + " : "";
    const own = t.operand === "a" ? "m_first" : "n_first";
    const at = t.along
      ? `${held}${t.begins[part]}u + (${own} + ${i * size}u) * ${t.pitch}u + ${k / halvesEach}u`
      : `${held}${t.begins[part] + k * t.pitch}u + (${own} + ${i * size}u) / ${halvesEach}u`;
    const byRows = (t.operand === "a") === t.along;
    return `subgroupMatrixLoad<${type}, ${byRows ? "row_major" : "col_major"}>(&staged, ${at}, ${t.pitch}u)`;
  };
  const sum = (i: number, j: number) => `c${i}_${j}`;
  const multiply = (left: string, right_: string) =>
    range(down).flatMap((i) =>
      range(right).map((j) =>
        `      ${sum(i, j)} = subgroupMatrixMultiplyAccumulate(${left}${i}, ${right_}${j}, ${sum(i, j)});`
      )
    );
  const matrices = (t: Tile, part: number, k: number, count: number, called: string) =>
    range(count).map((i) => `      let ${called}${i} = ${matrix(t, part, i, k)};`);
  // f16x3: what both leave, multiplied, is smaller than f32 can tell.
  const inner = range(v.tileK / v.shape.k).map((step) => {
    const k = step * v.shape.k;
    const lines = [
      ...matrices(a, 0, k, down, "a"),
      ...matrices(b, 0, k, right, "b"),
      ...multiply("a", "b"),
      ...v.arithmetic === "f16x3"
        ? [
          ...matrices(b, 1, k, right, "b_left"),
          ...multiply("a", "b_left"),
          ...matrices(a, 1, k, down, "a_left"),
          ...multiply("a_left", "b"),
        ]
        : [],
    ];
    return `    {\n${lines.join("\n")}\n    }`;
  }).join("\n");

  const result = `subgroup_matrix_result<f32, ${v.shape.n}, ${v.shape.m}>`;
  const all = range(down).flatMap((i) => range(right).map((j) => sum(i, j)));
  const sums = all.map((one) => `  var ${one} = ${result}();`);
  const zeros = all.map((one) => `    ${one} = ${result}();`);
  const vectors = v.shape.m * v.subgroupN / floatsEach;
  const width = v.subgroupN / floatsEach;
  const results = range(down).map((i) =>
    [
      "  workgroupBarrier();",
      ...range(right).map((j) =>
        `  subgroupMatrixStore<row_major>(&staged, strip + ${j * v.shape.n / floatsEach}u, ${
          sum(i, j)
        }, ${strip.pitch}u);`
      ),
      "  workgroupBarrier();",
      `  for (var at = lane; at < ${vectors}u; at += ${v.lanes}) {
    let row = at / ${width}u;
    let column = at % ${width}u;
    let value = bitcast<vec4<f32>>(staged[strip + row * ${strip.pitch}u + column]);
    store(${tiled.target}row0 + m_first + ${i * v.shape.m}u + row, (column0 + n_first) / 4 + column, ${
        scaling ? "value * inverse_of(a_scale) * inverse_of(b_scale)" : "value"
      });
  }`,
    ].join("\n")
  ).join("\n");
  /** Tiles go from registers into workgroup memory, once nobody reads what is there. */
  const taken = `    workgroupBarrier();
${put(a)}
${put(b)}
    workgroupBarrier();`;
  const begunTwice = `  var held = 0u;
  var free = 0u;
${put(a)}
${put(b)}
  workgroupBarrier();
`;
  const turned = `    free = ${elements}u - held;
${put(a)}
${put(b)}
    workgroupBarrier();
    held = free;`;
  // What is stored adds up as it should.
  const ends = "k0 >= k_end";
  const stored = adds && v.arithmetic === "f16x3"
    ? `    steps += ${v.tileK}u;
    if (${ends} || steps == ${longestSum}u) {
${results}
    workgroupBarrier();
${zeros.join("\n")}
    again = true;
    steps = 0u;
    }`
    : `    if (${ends}) {
${results}
    }`;
  const declared = [a, b].flatMap((t) =>
    rounds(t).flatMap((round) => loadsOf(t).map((half) => `  var ${name(t, round, half)} = ${typeOf(t)}();`))
  );

  return `${header(threads)}
// Tiles of A and B as halves; then sums, a strip a subgroup.
var<workgroup> staged: array<vec4<u32>, ${matrixBytes(product, v) / 16}>;
${v.arithmetic === "f16x3" ? putBothText : putText}
${tileEntry(threads, v, tiled)}
  let subgroup = local / ${v.lanes}u;
  let lane = local % ${v.lanes}u;
  let m_first = subgroup / ${across}u * ${v.subgroupM}u;
  let n_first = subgroup % ${across}u * ${v.subgroupN}u;
  let strip = subgroup * ${strip.elements}u;
  let whole = row0 + ${v.tileM}u <= p.m && column0 + ${v.tileN}u <= p.n;
${scaling ? scaledText(scaling.observes, looksAt) : ""}
${sums.join("\n")}
${declared.join("\n")}
  var steps = 0u;
${tiled.bounds}
${loadTiles}
${twice ? begunTwice : ""}  loop {
${twice ? "" : taken}
    k0 += ${v.tileK}u;
    if (k0 < k_end) {
${loadTiles}
    }
${inner}
${stored}
    if (k0 >= k_end) { break; }
${twice ? turned : ""}
  }
${scaling?.observes ? looksAt.map(tellText).join("\n") : ""}
}
`;
}
