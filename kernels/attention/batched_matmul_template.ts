import type { Frame } from "../products/matmul_frame.ts";
import { directThreads, framedText } from "../products/matmul_template.ts";
import { alongK, type MatmulVariant, type Product } from "../products/matmul_variant.ts";

/** Which matrices of a batched product consist of whole vectors; the others are gathered, or scattered, element by element. */
export interface WholeVectors {
  readonly a: boolean;
  readonly b: boolean;
  readonly c: boolean;
}

/** How a batched product is computed. */
export interface BatchedVariant {
  readonly matmul: MatmulVariant;
  readonly whole: WholeVectors;
  /** The matrix over queries and keys (C of NT, else A) is lower triangular. */
  readonly causal: boolean;
  /** Neighbouring heads that share a matrix B. */
  readonly share: number;
  /** Whether C is added to. */
  readonly adds: boolean;
}

/** `name_at`, as the loops over tiles call it. `extent` is the matrix's size along its rows. */
function at(name: "a" | "b", whole: boolean, extent: string): string {
  const load = (index: string) => `${name}_load4((first_row + row) * p.${name}_stride + ${index}, ${index})`;
  if (whole) {
    return `
fn ${name}_at(row: u32, column: u32) -> vec4<f32> {
  let index = ${name}_first / 4 + column;
  return ${load("index")};
}
`;
  }
  // Four elements lie in two vectors. No branches: compilers of software adapters take minutes over them.
  return `
fn ${name}_at(row: u32, column: u32) -> vec4<f32> {
  let first = ${name}_first + 4 * column;
  let left = min(first / 4, p.${name}_stride - 1);
  let right = min(left + 1, p.${name}_stride - 1);
  let l = ${load("left")};
  let r = ${load("right")};
  var v = l;
  v = select(v, vec4(l.yzw, r.x), first % 4 == 1);
  v = select(v, vec4(l.zw, r.xy), first % 4 == 2);
  v = select(v, vec4(l.w, r.xyz), first % 4 == 3);
  return select(vec4<f32>(), v, vec4(4 * column) + vec4(0u, 1u, 2u, 3u) < vec4(${extent}));
}
`;
}

/** Writes four elements of C. Where these are scattered, who writes the last of a row writes the row's padding. */
function store(whole: boolean, adds: boolean): string {
  const sign = adds ? "+=" : "=";
  return `
fn store(row: u32, column: u32, sum: vec4<f32>) {
  if (row >= p.m || column * 4 >= p.n) {
    return;
  }
${
    whole
      ? `  c[(first_row + row) * p.c_stride + c_first / 4 + column] ${sign} p.scale * sum;`
      : `  let first = (first_row + row) * p.c_stride * 4;
  let inside = min(p.n - column * 4, 4);
  for (var i = 0u; i < inside; i++) {
    c[first + c_first + column * 4 + i] ${sign} p.scale * sum[i];
  }
  if (c_first + column * 4 + inside == p.c_columns) {
    for (var i = p.c_columns; i < p.c_stride * 4; i++) {
      c[first + i] = 0.0;
    }
  }`
  }
}
`;
}

function header(product: Product, { whole, share, adds }: BatchedVariant, threads: number): string {
  return `
struct Parameters {
  m: u32, n: u32, k: u32,
  sequences: u32, sequence: u32, heads: u32,
  // Vectors of four from one row to the next.
  a_stride: u32, b_stride: u32, c_stride: u32,
  // The column of the first head's matrix, and columns from one head's to the next.
  a_column: u32, a_step: u32, b_column: u32, b_step: u32, c_column: u32, c_step: u32,
  c_columns: u32,
  scale: f32,
}
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> c: array<${whole.c ? "vec4<f32>" : "f32"}>;

const threads = ${threads}u;
// Where the matrices of this sequence and head begin.
var<private> first_row: u32;
var<private> a_first: u32;
var<private> b_first: u32;
var<private> c_first: u32;

fn enter(part: u32) {
  first_row = part / p.heads * p.sequence;
  let head = part % p.heads;
  a_first = p.a_column + head * p.a_step;
  b_first = p.b_column + head${share > 1 ? ` / ${share}u` : ""} * p.b_step;
  c_first = p.c_column + head * p.c_step;
}
${at("a", whole.a, alongK(product, "a") ? "p.k" : "p.m")}${
    at("b", whole.b, alongK(product, "b") ? "p.k" : "p.n")
  }${store(whole.c, adds)}`;
}

/**
 * The part of the contraction that a tile of C takes, from row0 and `column` on: what is left out meets zeros of the triangle. Tiles above
 * the diagonal take nothing, and are stored as zeros.
 */
function bounds(product: Product, { matmul, causal }: BatchedVariant, column: string) {
  if (!causal) return { first: "0u", end: "p.k" };
  const below = `row0 + ${matmul.tileM}u`;
  switch (product) {
    case "nt":
      return { first: "0u", end: `select(p.k, 0u, ${column} >= ${below})` };
    case "nn":
      return { first: "0u", end: `min(p.k, ${below})` };
    case "tn":
      return { first: "row0", end: "p.k" };
  }
}

/** The WGSL of a product for each sequence and head. Joined behind the texts of its operands `a` and `b`. */
export function batchedMatmulText(product: Product, variant: BatchedVariant): string {
  const { matmul } = variant;
  const enter = `  if (part >= p.sequences * p.heads) {
    return;
  }
  enter(part);
`;
  const tiled = bounds(product, variant, "column0");
  const frame: Frame = {
    header: (threads) => header(product, variant, threads),
    tiled: {
      enter,
      bounds: `  let k_end = ${tiled.end};\n  var k0 = ${tiled.first};`,
      target: "",
    },
    direct: {
      enter: `  let strips = strips_n * ((p.m + ${matmul.tileM - 1}u) / ${matmul.tileM}u);
  let part = strip / strips;
${enter}`,
      strip: "(strip % strips)",
      ...bounds(product, variant, `strip % strips_n * ${matmul.tileN}u`),
      target: "",
    },
  };
  return framedText(product, matmul, frame);
}

/** Workgroups of `matrices` products of m×n results. */
export function batchedWorkgroups(v: MatmulVariant, matrices: number, m: number, n: number): number {
  const tiles = matrices * Math.ceil(m / v.tileM) * Math.ceil(n / v.tileN);
  return v.memory === "direct" ? Math.ceil(tiles * (v.lanes ?? 1) / directThreads) : tiles;
}
