/**
 * Writes the text of the matrix products. Accumulators are named vectors and the loops over a tile are unrolled: naga keeps an array
 * that is indexed in a loop in memory, which costs a factor of twenty. `deno task kernels --print matmul_nn` shows a result.
 */

import { type Frame, tileEntry } from "./matmul_frame.ts";
import { matrixText } from "./matmul_matrix_template.ts";
import { scalingText } from "./scales.ts";
import { staging } from "./matmul_staging.ts";
import { alongK, type MatmulVariant, type Product, type ThreadVariant } from "./matmul_variant.ts";
import { range } from "../shared/text.ts";

/** `a_at` of an operand, or what fetches and reads it where those are two. */
function at(operand: "a" | "b", fetched?: string, scaled = false): string {
  if (scaled) {
    return `fn ${operand}_halves_at(row: u32, column: u32) -> vec4<u32> {
  return ${operand}_halves[(row * p.${operand}_stride + p.${operand}_column + column) / 2];
}`;
  }
  const place = `row * p.${operand}_stride + p.${operand}_column + column, p.${operand}_column + column`;
  if (!fetched) {
    return `fn ${operand}_at(row: u32, column: u32) -> vec4<f32> {
  return ${operand}_load4(${place});
}`;
  }
  return `fn ${operand}_fetch(row: u32, column: u32) -> ${fetched} {
  return ${operand}_fetch4(${place});
}

fn ${operand}_read(fetched: ${fetched}, row: u32, column: u32) -> vec4<f32> {
  return ${operand}_read4(fetched, ${place});
}`;
}

const header = (threads: number, { bias, scaling, fetched, scaled }: MatmulExtras, adds: boolean) => `
struct Parameters {
  m: u32, n: u32, k: u32,
  // Vectors of four from one row to the next, and the column, in vectors, at which the window of a matrix begins.
  a_stride: u32, b_stride: u32, c_stride: u32,
  a_column: u32, b_column: u32, c_column: u32,
  accumulate: u32,
  // Steps of the contraction that a workgroup takes; with fewer than k, partial products follow each other in C's rows.
  k_part: u32,${
  scaling
    ? `
  // Whether this window is the one that looks at A (1), at B (2).
  observed: u32,`
    : ""
}
}
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> c: array<vec4<f32>>;
${bias ? "@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;" : ""}
${scaling ? scalingText(scaling.observes) : ""}
const threads = ${threads}u;
${adds ? "var<private> again = false; // of what is stored in several turns, whether one has been\n" : ""}
${at("a", fetched?.a, scaled?.a)}

${at("b", fetched?.b, scaled?.b)}

fn store(part: u32, row: u32, column: u32, sum: vec4<f32>) {
  if (row >= p.m || column * 4 >= p.n) {
    return;
  }
  let at = (part * p.m + row) * p.c_stride + p.c_column + column;
  var value = sum${
  bias
    ? ` + select(vec4<f32>(), bias[p.c_column + column], ${adds ? "part == 0 && !again" : "part == 0"})`
    : ""
};
  if (p.accumulate != 0${adds ? " || again" : ""}) {
    value += c[at];
  }
  c[at] = value;
}
`;

/** What a product does besides multiplying. */
export interface MatmulExtras {
  /** Whether it adds a row to every row. */
  readonly bias: boolean;
  /** Whether its operands are scaled, and whether it looks at them for the next step. */
  readonly scaling?: { readonly observes: boolean };
  /** The operands that are fetched before they are read, as `Frame` has them. */
  readonly fetched?: Frame["fetched"];
  /** The operands that come as scaled halves. */
  readonly scaled?: Frame["scaled"];
}

/** One product, whose contraction may be cut into parts. */
function singleFrame({ tileM, memory }: MatmulVariant, extras: MatmulExtras): Frame {
  const adds = memory === "matrix";
  return {
    header: (threads) => header(threads, extras, adds),
    scaling: extras.scaling,
    fetched: extras.fetched,
    scaled: extras.scaled,
    adds,
    tiled: {
      enter: `  if (part * p.k_part >= p.k) {
    return;
  }
  let k_end = min(p.k, (part + 1) * p.k_part);
`,
      bounds: "  var k0 = part * p.k_part;",
      target: "part, ",
    },
    direct: {
      enter: `  let strips = strips_n * ((p.m + ${tileM - 1}u) / ${tileM}u);
  let part = strip / strips;
  if (part * p.k_part >= p.k) {
    return;
  }
  let k_end = min(p.k, (part + 1) * p.k_part);
`,
      strip: "(strip % strips)",
      first: "part * p.k_part",
      end: "k_end",
      target: "part, ",
    },
  };
}

/** The name of the accumulator of row i, columns 4j to 4j+3 of a thread's part. */
const acc = (i: number, j: number) => `c${i}_${j}`;

function accumulators({ threadM, threadN }: ThreadVariant): string {
  return range(threadM).flatMap((i) => range(threadN / 4).map((j) => `  var ${acc(i, j)} = vec4<f32>();`))
    .join("\n");
}

/** acc += a ⊗ b for one k; `a(i)` is a scalar expression, `b(j)` a vector expression. */
function outerProduct(v: ThreadVariant, a: (i: number) => string, b: (j: number) => string): string {
  return range(v.threadM).flatMap((i) =>
    range(v.threadN / 4).map((j) => `    ${acc(i, j)} = fma(vec4(${a(i)}), ${b(j)}, ${acc(i, j)});`)
  ).join("\n");
}

/** The WGSL of a product. Joined behind the texts of its operands `a` and `b`. */
export function matmulText(product: Product, variant: MatmulVariant, extras: MatmulExtras): string {
  return framedText(product, variant, singleFrame(variant, extras));
}

/** The WGSL of a product within a frame. */
export function framedText(product: Product, variant: MatmulVariant, frame: Frame): string {
  switch (variant.memory) {
    case "workgroup":
      return tiledText(product, variant, frame);
    case "direct":
      return directText(product, variant, frame);
    case "matrix":
      return matrixText(product, variant, frame);
  }
}

function tiledText(product: Product, v: ThreadVariant, { header, tiled }: Frame): string {
  const across = v.tileN / v.threadN;
  const down = v.tileM / v.threadM;
  const threads = across * down;
  const stage = staging(product, v, threads);
  const inner = range(v.tileK).map((k) => {
    const lines = [
      ...range(v.threadM / 4).map((g) => `    let a${g} = ${stage.a(k, `${g * down}u + ty`)};`),
      ...range(v.threadN / 4).map((g) => `    let b${g} = ${stage.b(k, `${g * across}u + tx`)};`),
      outerProduct(v, (i) => `a${Math.floor(i / 4)}[${i % 4}]`, (j) => `b${j}`),
    ];
    return `    {\n${lines.join("\n")}\n    }`;
  }).join("\n");
  const stores = range(v.threadM).flatMap((i) =>
    range(v.threadN / 4).map((j) =>
      `  store(${tiled.target}row0 + ${Math.floor(i / 4) * 4 * down + i % 4}u + ty * 4, column0 / 4 + ${
        j * across
      }u + tx, ${acc(i, j)});`
    )
  ).join("\n");

  return `${header(threads)}
${stage.tiles}

${tileEntry(threads, v, tiled)}
  let tx = local % ${across}u;
  let ty = local / ${across}u;
${accumulators(v)}
${stage.declare}
${tiled.bounds}
${stage.load}
  loop {
    workgroupBarrier();
${stage.put}
    workgroupBarrier();
    k0 += ${v.tileK}u;
    if (k0 < k_end) {
${stage.load}
    }
${inner}
    if (k0 >= k_end) { break; }
  }
${stores}
}
`;
}

/** Threads of a workgroup of the direct variants: few, so that small products still spread over all of a CPU's cores. */
export const directThreads = 16;

function directText(product: Product, v: ThreadVariant, { header, direct }: Frame): string {
  const lanes = v.lanes ?? 1;
  const [aAlong, bAlong] = [alongK(product, "a"), alongK(product, "b")];
  // Four steps of the contraction at a time. A: what a lane loads, and from whom a scalar comes.
  const fetchA = aAlong
    ? range(Math.ceil(v.threadM / lanes)).map((i) =>
      `    let a${i} = a_at(min(row0 + ${i * lanes}u + lane, p.m - 1), k0 / 4);`
    )
    : range(4).flatMap((k) =>
      range(Math.ceil(v.threadM / 4 / lanes)).map((i) =>
        `    let a${k}_${i} = select(vec4<f32>(), a_at(min(k0 + ${k}u, p.k - 1), min(row0 / 4 + ${
          i * lanes
        }u + lane, (p.m - 1) / 4)), k0 + ${k}u < p.k);`
      )
    );
  const broadcast = (value: string, lane: number) =>
    lanes === 1 ? value : `subgroupBroadcast(${value}, ${lane}u)`;
  const aScalar = (i: number, k: number) => {
    if (aAlong) return broadcast(`a${Math.floor(i / lanes)}[${k}]`, i % lanes);
    const vector = Math.floor(i / 4);
    return broadcast(`a${k}_${Math.floor(vector / lanes)}[${i % 4}]`, vector % lanes);
  };
  const fetchB = bAlong
    ? range(v.threadN).map((j) => `    let b${j} = b_at(min(column0 + ${j}u, p.n - 1), k0 / 4);`)
    : range(4).flatMap((k) =>
      range(v.threadN / 4).map((j) =>
        `    let b${k}_${j} = select(vec4<f32>(), b_at(min(k0 + ${k}u, p.k - 1), min(column0 / 4 + ${j}u, (p.n - 1) / 4)), k0 + ${k}u < p.k);`
      )
    );
  const bVector = (j: number, k: number) =>
    bAlong ? `vec4(${range(4).map((i) => `b${4 * j + i}[${k}]`).join(", ")})` : `b${k}_${j}`;
  const products = range(4).map((k) => outerProduct(v, (i) => aScalar(i, k), (j) => bVector(j, k))).join(
    "\n",
  );
  // Rows of B beyond n must not reach the padding columns of C.
  const kept = (i: number, j: number) =>
    bAlong
      ? `select(vec4<f32>(), ${acc(i, j)}, vec4(${
        range(4).map((e) => `column0 + ${4 * j + e}u < p.n`).join(", ")
      }))`
      : acc(i, j);
  const stores = range(v.threadM).flatMap((i) =>
    range(v.threadN / 4).map((j) =>
      `  store(${direct.target}row0 + ${i}u, column0 / 4 + ${j}u, ${kept(i, j)});`
    )
  ).join("\n");
  return `${header(directThreads)}
@compute @workgroup_size(${directThreads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let strip = ((group.y * groups.x + group.x) * threads + local) / ${lanes}u;
  let lane = local % ${lanes}u;
  let strips_n = (p.n + ${lanes * v.threadN - 1}u) / ${lanes * v.threadN}u;
${direct.enter}  let row0 = (${direct.strip} / strips_n) * ${v.threadM}u;
  let column0 = ((strip % strips_n) * ${lanes}u + lane) * ${v.threadN}u;
  if (row0 >= p.m) {
    return;
  }
${accumulators(v)}
  for (var k0 = ${direct.first}; k0 < ${direct.end}; k0 += 4) {
${fetchA.join("\n")}
${fetchB.join("\n")}
${products}
  }
${stores}
}
`;
}
