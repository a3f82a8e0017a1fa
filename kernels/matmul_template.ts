/**
 * Writes the text of the matrix products. Accumulators are named vectors and the loops over a tile are unrolled: naga keeps an array
 * that is indexed in a loop in memory, which costs a factor of twenty. `deno task kernels --print matmul` shows the result.
 */

/** C = A·B, A·Bᵀ or Aᵀ·B, all matrices by rows. */
export type Product = "nn" | "nt" | "tn";

/** How a product is cut: tiles of C a workgroup, the part of it a thread holds in registers, and where operands are staged. */
export interface MatmulVariant {
  /** `workgroup` stages tiles of A and B in workgroup memory; `direct` reads them from the buffers, best where caches are the CPU's. */
  readonly memory: "workgroup" | "direct";
  readonly tileM: number;
  readonly tileN: number;
  readonly tileK: number;
  readonly threadM: number;
  readonly threadN: number;
}

/** The variant's name in results and in tuning files. */
export function variantName(v: MatmulVariant): string {
  return `${v.memory}-${v.tileM}x${v.tileN}x${v.tileK}-${v.threadM}x${v.threadN}`;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

const header = (threads: number, bias: boolean) => `
struct Parameters {
  m: u32, n: u32, k: u32,
  // Vectors of four from one row to the next, and the column, in vectors, at which the window of a matrix begins.
  a_stride: u32, b_stride: u32, c_stride: u32,
  a_column: u32, b_column: u32, c_column: u32,
  accumulate: u32,
}
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> c: array<vec4<f32>>;
${bias ? "@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;" : ""}

const threads = ${threads}u;

fn a_at(row: u32, column: u32) -> vec4<f32> {
  return a_load4(row * p.a_stride + p.a_column + column, p.a_column + column);
}

fn b_at(row: u32, column: u32) -> vec4<f32> {
  return b_load4(row * p.b_stride + p.b_column + column, p.b_column + column);
}

fn store(row: u32, column: u32, sum: vec4<f32>) {
  if (row >= p.m || column * 4 >= p.n) {
    return;
  }
  let at = row * p.c_stride + p.c_column + column;
  var value = sum${bias ? " + bias[p.c_column + column]" : ""};
  if (p.accumulate != 0) {
    value += c[at];
  }
  c[at] = value;
}
`;

/** Where the vectors of an operand lie: along the contraction (A of NN and NT, B of NT) or across it. */
function alongK(product: Product, operand: "a" | "b"): boolean {
  return operand === "a" ? product !== "tn" : product === "nt";
}

/** The name of the accumulator of row i, columns 4j to 4j+3 of a thread's part. */
const acc = (i: number, j: number) => `c${i}_${j}`;

function accumulators({ threadM, threadN }: MatmulVariant): string {
  return range(threadM).flatMap((i) => range(threadN / 4).map((j) => `  var ${acc(i, j)} = vec4<f32>();`))
    .join("\n");
}

/** acc += a ⊗ b for one k; `a(i)` is a scalar expression, `b(j)` a vector expression. */
function outerProduct(v: MatmulVariant, a: (i: number) => string, b: (j: number) => string): string {
  return range(v.threadM).flatMap((i) =>
    range(v.threadN / 4).map((j) => `    ${acc(i, j)} = fma(vec4(${a(i)}), ${b(j)}, ${acc(i, j)});`)
  ).join("\n");
}

/** The WGSL of a product, with or without a bias. Joined behind the texts of its operands `a` and `b`. */
export function matmulText(product: Product, variant: MatmulVariant, bias: boolean): string {
  return variant.memory === "workgroup"
    ? tiledText(product, variant, bias)
    : directText(product, variant, bias);
}

function tiledText(product: Product, v: MatmulVariant, bias: boolean): string {
  const across = v.tileN / v.threadN;
  const down = v.tileM / v.threadM;
  const threads = across * down;
  const quads = v.tileK / 4;

  // One operand's tile: `extent` rows (or columns) of C by tileK, stored with k slowest. Vectors that lie along k are stored by
  // component; the exclusive or spreads the four of them over the banks.
  const stage = (operand: "a" | "b", extent: number, name: string, limit: string, first: string) => {
    const vectors = extent * v.tileK / 4;
    const each = Math.ceil(vectors / threads);
    const guard = vectors % threads === 0 ? "" : `at < ${vectors}u && `;
    const along = alongK(product, operand);
    const slot = (i: number) => `${name}_next${i}`;
    const load = range(each).map((i) =>
      along
        ? `    { let at = local + ${
          i * threads
        }u; let row = ${first} + at / ${quads}u; let column = k0 / 4 + at % ${quads}u;
      ${slot(i)} = vec4<f32>(); if (${guard}row < ${limit} && column * 4 < p.k) { ${
          slot(i)
        } = ${operand}_at(row, column); } }`
        : `    { let at = local + ${i * threads}u; let row = k0 + at / ${
          extent / 4
        }u; let column = ${first} / 4 + at % ${extent / 4}u;
      ${slot(i)} = vec4<f32>(); if (${guard}row < p.k && column * 4 < ${limit}) { ${
          slot(i)
        } = ${operand}_at(row, column); } }`
    ).join("\n");
    const put = range(each).map((i) => {
      const at = `let at = local + ${i * threads}u;`;
      const inside = guard ? `if (at < ${vectors}u) ` : "";
      if (!along) return `    { ${at} ${inside}{ ${name}[at] = ${slot(i)}; } }`;
      const parts = range(4).map((j) =>
        `${name}[(quad * 4 + ${j}u) * ${extent / 4}u + row / 4][row % 4] = ${slot(i)}[${j}];`
      ).join(" ");
      return `    { ${at} let quad = at % ${quads}u; let row = (at / ${quads}u) ^ (quad * 8); ${inside}{ ${parts} } }`;
    }).join("\n");
    const read = (k: number, group: number, lane: string, lanes: number) => {
      const swizzle = along
        ? `(${group * lanes}u + ${lane}) ^ ${2 * Math.floor(k / 4)}u`
        : `${group * lanes}u + ${lane}`;
      return `${name}[${k * extent / 4}u + (${swizzle})]`;
    };
    const declare = range(each).map((i) => `  var ${slot(i)} = vec4<f32>();`).join("\n");
    return { declare, load, put, read };
  };

  const a = stage("a", v.tileM, "a_tile", "p.m", "row0");
  const b = stage("b", v.tileN, "b_tile", "p.n", "column0");
  const inner = range(v.tileK).map((k) => {
    const lines = [
      ...range(v.threadM / 4).map((g) => `    let a${g} = ${a.read(k, g, "ty", down)};`),
      ...range(v.threadN / 4).map((g) => `    let b${g} = ${b.read(k, g, "tx", across)};`),
      outerProduct(v, (i) => `a${Math.floor(i / 4)}[${i % 4}]`, (j) => `b${j}`),
    ];
    return `    {\n${lines.join("\n")}\n    }`;
  }).join("\n");
  const stores = range(v.threadM).flatMap((i) =>
    range(v.threadN / 4).map((j) =>
      `  store(row0 + ${Math.floor(i / 4) * 4 * down + i % 4}u + ty * 4, column0 / 4 + ${j * across}u + tx, ${
        acc(i, j)
      });`
    )
  ).join("\n");

  return `${header(threads, bias)}
var<workgroup> a_tile: array<vec4<f32>, ${v.tileM * v.tileK / 4}>;
var<workgroup> b_tile: array<vec4<f32>, ${v.tileN * v.tileK / 4}>;

@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let tiles_n = (p.n + ${v.tileN - 1}u) / ${v.tileN}u;
  let tile = group.y * groups.x + group.x;
  let row0 = (tile / tiles_n) * ${v.tileM}u;
  let column0 = (tile % tiles_n) * ${v.tileN}u;
  if (row0 >= p.m) {
    return;
  }
  let tx = local % ${across}u;
  let ty = local / ${across}u;
${accumulators(v)}
${a.declare}
${b.declare}
  var k0 = 0u;
${a.load}
${b.load}
  loop {
    workgroupBarrier();
${a.put}
${b.put}
    workgroupBarrier();
    k0 += ${v.tileK}u;
    if (k0 < p.k) {
${a.load}
${b.load}
    }
${inner}
    if (k0 >= p.k) { break; }
  }
${stores}
}
`;
}

/** Threads of a workgroup of the direct variants: few, so that small products still spread over all of a CPU's cores. */
export const directThreads = 16;

function directText(product: Product, v: MatmulVariant, bias: boolean): string {
  const threads = directThreads;
  // Four steps of the contraction at a time: vectors along k are transposed in registers, vectors across k are used as they are.
  const fetch = (operand: "a" | "b", size: number, first: string, limit: string) =>
    alongK(product, operand)
      ? range(size).map((i) =>
        `    let ${operand}${i} = ${operand}_at(min(${first} + ${i}u, ${limit} - 1), k0 / 4);`
      )
      : range(4).flatMap((k) =>
        range(size / 4).map((j) =>
          `    let ${operand}${k}_${j} = select(vec4<f32>(), ${operand}_at(min(k0 + ${k}u, p.k - 1), min(${first} / 4 + ${j}u, (${limit} - 1) / 4)), k0 + ${k}u < p.k);`
        )
      );
  const aScalar = (k: number) => (i: number) =>
    alongK(product, "a") ? `a${i}[${k}]` : `a${k}_${Math.floor(i / 4)}[${i % 4}]`;
  const bVector = (k: number) => (j: number) =>
    alongK(product, "b") ? `vec4(${range(4).map((i) => `b${4 * j + i}[${k}]`).join(", ")})` : `b${k}_${j}`;
  // The last rows of B beyond n must not reach the padding columns of C.
  const clearBeyond = alongK(product, "b") ? range(v.threadN).map((i) => `column0 + ${i}u < p.n`) : [];
  const stores = range(v.threadM).flatMap((i) =>
    range(v.threadN / 4).map((j) => {
      const mask = clearBeyond.length
        ? `select(vec4<f32>(), ${acc(i, j)}, vec4(${clearBeyond.slice(4 * j, 4 * j + 4).join(", ")}))`
        : acc(i, j);
      return `  store(row0 + ${i}u, column0 / 4 + ${j}u, ${mask});`;
    })
  ).join("\n");
  return `${header(threads, bias)}
@compute @workgroup_size(${threads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let tiles_n = (p.n + ${v.threadN - 1}u) / ${v.threadN}u;
  let tile = (group.y * groups.x + group.x) * threads + local;
  let row0 = (tile / tiles_n) * ${v.threadM}u;
  let column0 = (tile % tiles_n) * ${v.threadN}u;
  if (row0 >= p.m) {
    return;
  }
${accumulators(v)}
  for (var k0 = 0u; k0 < p.k; k0 += 4) {
${fetch("a", v.threadM, "row0", "p.m").join("\n")}
${fetch("b", v.threadN, "column0", "p.n").join("\n")}
${range(4).map((k) => outerProduct(v, aScalar(k), bVector(k))).join("\n")}
  }
${stores}
}
`;
}
