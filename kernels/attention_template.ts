/**
 * Writes the text of fused attention (FlashAttention, arXiv 2205.14135 and 2307.08691): scores are never stored, the softmax is kept
 * online, backward recomputes P from the log-sum-exp. A thread owns a row (a query; in the kernel of dK and dV, a key), or `split`
 * threads share it, each with every `split`-th vector of the head; the other side's rows pass through workgroup memory in tiles.
 * What a row needs is held in named vectors, because naga keeps indexed arrays in memory.
 */
export interface AttentionVariant {
  readonly headSize: number;
  readonly causal: boolean;
  /** Rows of a workgroup. */
  readonly block: number;
  /** Threads that share a row. */
  readonly split: number;
  /** Rows of a tile in workgroup memory, and how many of them are handled at once. */
  readonly tile: number;
  readonly unroll: number;
}

/** The variant's name in results. */
export function attentionVariantName(v: AttentionVariant): string {
  return `${v.block}x${v.split}-${v.tile}x${v.unroll}`;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const lines = (items: string[]) => items.join("\n");

/** Vectors of a head, and those that one thread holds. */
function vectors(v: AttentionVariant): { head: number; own: number; padded: number } {
  const head = Math.ceil(v.headSize / 4);
  const own = Math.ceil(head / v.split);
  return { head, own, padded: own * v.split };
}

/** Part of an operand's row as vectors; beyond the head, zero. Heads that are not whole vectors are gathered. */
function slice(name: string, v: AttentionVariant): string {
  const { head, padded } = vectors(v);
  const guard = padded > head ? `  if (i >= ${head}u) { return vec4<f32>(); }\n` : "";
  if (v.headSize % 4 === 0) {
    return `
fn ${name}_slice(row: u32, first: u32, i: u32) -> vec4<f32> {
${guard}  let column = first / 4 + i;
  return ${name}_load4(row * p.${name}_stride + column, column);
}
`;
  }
  return `
fn ${name}_element(row: u32, first: u32, e: u32) -> f32 {
  if (e >= ${v.headSize}u) { return 0.0; }
  let column = (first + e) / 4;
  return ${name}_load4(row * p.${name}_stride + column, column)[(first + e) % 4];
}
fn ${name}_slice(row: u32, first: u32, i: u32) -> vec4<f32> {
  return vec4(${range(4).map((j) => `${name}_element(row, first, 4 * i + ${j})`).join(", ")});
}
`;
}

/** Writes part of an output row. Heads that are not whole vectors are scattered; who writes the last head writes the row's padding. */
function store(name: string, v: AttentionVariant): string {
  const { head, padded } = vectors(v);
  const guard = padded > head ? `  if (i >= ${head}u) { return; }\n` : "";
  if (v.headSize % 4 === 0) {
    return `
fn ${name}_store(row: u32, first: u32, i: u32, value: vec4<f32>) {
${guard}  ${name}[row * p.${name}_stride + first / 4 + i] = value;
}
`;
  }
  return `
fn ${name}_store(row: u32, first: u32, i: u32, value: vec4<f32>) {
  for (var j = 0u; j < 4; j++) {
    let e = 4 * i + j;
    if (e < ${v.headSize}u) { ${name}[row * p.${name}_stride * 4 + first + e] = value[j]; }
  }
}
fn ${name}_pad(row: u32, width: u32) {
  for (var column = width; column < p.${name}_stride * 4; column++) {
    ${name}[row * p.${name}_stride * 4 + column] = 0.0;
  }
}
`;
}

const outputType = (v: AttentionVariant) => v.headSize % 4 === 0 ? "vec4<f32>" : "f32";

function prelude(v: AttentionVariant, bindings: string): string {
  return `
struct Parameters { sequences: u32, sequence: u32, heads: u32, qkv_stride: u32, o_stride: u32, d_stride: u32, dqkv_stride: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
${bindings}
const lowest = -3.0e38;
const scale = ${1 / Math.sqrt(v.headSize)};

fn sum4(v: vec4<f32>) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}
`;
}

/** Where a workgroup stands: its sequence's first row, its head, the first row of its block within the sequence. */
function place(v: AttentionVariant, longestFirst: boolean): string {
  return `
  let blocks = (p.sequence + ${v.block - 1}u) / ${v.block}u;
  let flat = group.y * groups.x + group.x;
  let index = flat / blocks;
  if (index >= p.sequences * p.heads) {
    return;
  }
  let head = index % p.heads;
  let row0 = index / p.heads * p.sequence;
  let block0 = ${longestFirst ? "(blocks - 1 - flat % blocks)" : "(flat % blocks)"} * ${v.block}u;
  let own = block0 + local / ${v.split}u; // this thread's row within the sequence
  let part = local % ${v.split}u;
  let row = row0 + min(own, p.sequence - 1);
  let width = p.heads * ${v.headSize}u;
  let q_column = head * ${v.headSize}u;
  let k_column = width + q_column;
  let v_column = 2 * width + q_column;`;
}

const signature = (v: AttentionVariant) => `
@compute @workgroup_size(${v.block * v.split})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {`;

/** Index, among the vectors of a head, of the i-th that this thread holds. */
const held = (v: AttentionVariant, i: number) => v.split === 1 ? `${i}u` : `${i * v.split}u + part`;

/** Loads a tile of two matrices' rows [first, first + tile) into workgroup memory; zero beyond the sequence. */
function loadTiles(v: AttentionVariant, tiles: [name: string, source: (row: string, i: string) => string][]): string {
  const { padded } = vectors(v);
  const threads = v.block * v.split;
  return `
    workgroupBarrier();
    for (var at = local; at < ${v.tile * padded}u; at += ${threads}u) {
      let other = first + at / ${padded}u;
      let i = at % ${padded}u;
      if (other < p.sequence) {
${lines(tiles.map(([name, source]) => `        ${name}[at] = ${source("row0 + other", "i")};`))}
      } else {
${lines(tiles.map(([name]) => `        ${name}[at] = vec4<f32>();`))}
      }
    }
    workgroupBarrier();`;
}

/** Sums, over the threads that share a row, scalars held in `names`; each has the sum afterwards. */
function share(v: AttentionVariant, names: string[]): string {
  if (v.split === 1) return "";
  const mine = (t: string, n: number) => `exchange[(${t}) * ${names.length}u + ${n}u]`;
  return lines([
    `      workgroupBarrier();`,
    ...names.map((name, n) => `      ${mine("local", n)} = ${name};`),
    `      workgroupBarrier();`,
    ...names.map((name, n) =>
      `      ${name} = ${range(v.split).map((t) => mine(`local - part + ${t}u`, n)).join(" + ")};`
    ),
  ]);
}

function exchange(v: AttentionVariant, count: number): string {
  return v.split === 1 ? "" : `var<workgroup> exchange: array<f32, ${v.block * v.split * count}>;`;
}

/** Scores of the rows u of a tile against this thread's vectors: `name_u = Σ own_i · tile[u, i]`, still partial where rows are split. */
function scores(v: AttentionVariant, name: string, own: string, tile: string): string {
  const { own: count, padded } = vectors(v);
  return lines(range(v.unroll).map((u) => {
    const terms = range(count).map((i) =>
      `      ${name}v = fma(${own}${i}, ${tile}[base + ${u * padded}u + ${held(v, i)}], ${name}v);`
    );
    return `      var ${name}${u} = 0.0;\n      {\n      var ${name}v = vec4<f32>();\n${lines(terms)}\n      ${name}${u} = sum4(${name}v);\n      }`;
  }));
}

/** out_i += Σ_u weight_u · tile[u, i]. */
function accumulate(v: AttentionVariant, out: string, weight: string, tile: string): string {
  const { own, padded } = vectors(v);
  return lines(range(v.unroll).flatMap((u) =>
    range(own).map((i) =>
      `      ${out}${i} = fma(vec4(${weight}${u}), ${tile}[base + ${u * padded}u + ${held(v, i)}], ${out}${i});`
    )
  ));
}

/** Forward: o = softmax(scale q·kᵀ) v and the log-sum-exp of each row. Operand `qkv`. */
export function attentionForwardText(v: AttentionVariant): string {
  const { own, padded } = vectors(v);
  const bindings = `@group(0) @binding(1) var<storage, read_write> o: array<${outputType(v)}>;
@group(0) @binding(2) var<storage, read_write> log_sum_exp: array<f32>;`;
  return `${prelude(v, bindings)}${slice("qkv", v)}${store("o", v)}
var<workgroup> keys: array<vec4<f32>, ${v.tile * padded}>;
var<workgroup> values: array<vec4<f32>, ${v.tile * padded}>;
${exchange(v, v.unroll)}
${signature(v)}${place(v, v.causal)}
${lines(range(own).map((i) => `  let q${i} = scale * qkv_slice(row, q_column, ${held(v, i)});\n  var o${i} = vec4<f32>();`))}
  var highest = lowest;
  var total = 0.0;
  let end = ${v.causal ? `min(p.sequence, block0 + ${v.block}u)` : "p.sequence"};
  for (var first = 0u; first < end; first += ${v.tile}u) {
${
    loadTiles(v, [
      ["keys", (row, i) => `qkv_slice(${row}, k_column, ${i})`],
      ["values", (row, i) => `qkv_slice(${row}, v_column, ${i})`],
    ])
  }
    for (var u0 = 0u; u0 < ${v.tile}u && first + u0 < end; u0 += ${v.unroll}u) {
      let base = u0 * ${padded}u;
${scores(v, "s", "q", "keys")}
${share(v, range(v.unroll).map((u) => `s${u}`))}
      var top = highest;
${
    lines(range(v.unroll).map((u) => {
      const visible = v.causal ? `first + u0 + ${u}u <= own` : `first + u0 + ${u}u < p.sequence`;
      return `      s${u} = select(lowest, s${u}, ${visible});\n      top = max(top, s${u});`;
    }))
  }
      let shrink = exp(highest - top);
      highest = top;
      total *= shrink;
${lines(range(own).map((i) => `      o${i} *= shrink;`))}
${lines(range(v.unroll).map((u) => `      let p${u} = exp(s${u} - top);\n      total += p${u};`))}
${accumulate(v, "o", "p", "values")}
    }
  }
  if (own >= p.sequence) {
    return;
  }
${lines(range(own).map((i) => `  o_store(row, q_column, ${held(v, i)}, o${i} / total);`))}
${v.headSize % 4 === 0 ? "" : "  if (head == p.heads - 1 && part == 0) { o_pad(row, width); }"}
  if (part == 0) {
    log_sum_exp[row * p.heads + head] = log(total) + highest;
  }
}
`;
}

/** Backward for queries: dq, and delta = rowsum(dO · o) for the other kernel. Operands `qkv`, `o`, `d` (dO). */
export function attentionBackwardQueryText(v: AttentionVariant): string {
  const { own, padded } = vectors(v);
  const bindings = `@group(0) @binding(1) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(2) var<storage, read_write> delta: array<f32>;
@group(0) @binding(3) var<storage, read_write> dqkv: array<${outputType(v)}>;`;
  return `${prelude(v, bindings)}${slice("qkv", v)}${slice("o", v)}${slice("d", v)}${store("dqkv", v)}
var<workgroup> keys: array<vec4<f32>, ${v.tile * padded}>;
var<workgroup> values: array<vec4<f32>, ${v.tile * padded}>;
${exchange(v, 2 * v.unroll)}
${signature(v)}${place(v, v.causal)}
${
    lines(
      range(own).map((i) =>
        `  let q${i} = scale * qkv_slice(row, q_column, ${held(v, i)});\n  let d${i} = d_slice(row, q_column, ${
          held(v, i)
        });\n  var dq${i} = vec4<f32>();`
      ),
    )
  }
  var drow = 0.0;
${lines(range(own).map((i) => `  drow += dot(d${i}, o_slice(row, q_column, ${held(v, i)}));`))}
${share(v, ["drow"])}
  let lse = log_sum_exp[row * p.heads + head];
  let end = ${v.causal ? `min(p.sequence, block0 + ${v.block}u)` : "p.sequence"};
  for (var first = 0u; first < end; first += ${v.tile}u) {
${
    loadTiles(v, [
      ["keys", (row, i) => `qkv_slice(${row}, k_column, ${i})`],
      ["values", (row, i) => `qkv_slice(${row}, v_column, ${i})`],
    ])
  }
    for (var u0 = 0u; u0 < ${v.tile}u && first + u0 < end; u0 += ${v.unroll}u) {
      let base = u0 * ${padded}u;
${scores(v, "s", "q", "keys")}
${scores(v, "g", "d", "values")}
${share(v, range(v.unroll).flatMap((u) => [`s${u}`, `g${u}`]))}
${
    lines(range(v.unroll).map((u) => {
      const visible = v.causal ? `first + u0 + ${u}u <= own` : `first + u0 + ${u}u < p.sequence`;
      return `      let ds${u} = select(0.0, exp(s${u} - lse) * (g${u} - drow), ${visible});`;
    }))
  }
${accumulate(v, "dq", "ds", "keys")}
    }
  }
  if (own >= p.sequence) {
    return;
  }
${lines(range(own).map((i) => `  dqkv_store(row, q_column, ${held(v, i)}, scale * dq${i});`))}
  if (part == 0) {
    delta[row * p.heads + head] = drow;
  }
}
`;
}

/** Backward for keys: dk and dv. Operands `qkv` and `d` (dO); delta comes from the other kernel. */
export function attentionBackwardKeyText(v: AttentionVariant): string {
  const { own, padded } = vectors(v);
  const bindings = `@group(0) @binding(1) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(2) var<storage, read> delta: array<f32>;
@group(0) @binding(3) var<storage, read_write> dqkv: array<${outputType(v)}>;`;
  const rowOf = (u: number) => `first + u0 + ${u}u`;
  return `${prelude(v, bindings)}${slice("qkv", v)}${slice("d", v)}${store("dqkv", v)}
var<workgroup> queries: array<vec4<f32>, ${v.tile * padded}>;
var<workgroup> d_rows: array<vec4<f32>, ${v.tile * padded}>;
${exchange(v, 2 * v.unroll)}
${signature(v)}${place(v, false)}
${
    lines(range(own).map((i) =>
      `  let k${i} = scale * qkv_slice(row, k_column, ${held(v, i)});
  let v${i} = qkv_slice(row, v_column, ${held(v, i)});
  var dk${i} = vec4<f32>();
  var dv${i} = vec4<f32>();`
    ))
  }
  for (var first = ${v.causal ? `block0 / ${v.tile}u * ${v.tile}u` : "0u"}; first < p.sequence; first += ${v.tile}u) {
${
    loadTiles(v, [
      ["queries", (row, i) => `qkv_slice(${row}, q_column, ${i})`],
      ["d_rows", (row, i) => `d_slice(${row}, q_column, ${i})`],
    ])
  }
    for (var u0 = 0u; u0 < ${v.tile}u && first + u0 < p.sequence; u0 += ${v.unroll}u) {
      let base = u0 * ${padded}u;
${scores(v, "s", "k", "queries")}
${scores(v, "g", "v", "d_rows")}
${share(v, range(v.unroll).flatMap((u) => [`s${u}`, `g${u}`]))}
${
    lines(range(v.unroll).map((u) => {
      const visible = `${rowOf(u)} < p.sequence${v.causal ? ` && ${rowOf(u)} >= own` : ""}`;
      return `      let at${u} = (row0 + min(${rowOf(u)}, p.sequence - 1)) * p.heads + head;
      let p${u} = select(0.0, exp(s${u} - log_sum_exp[at${u}]), ${visible});
      let ds${u} = p${u} * (g${u} - delta[at${u}]);`;
    }))
  }
${accumulate(v, "dv", "p", "d_rows")}
${accumulate(v, "dk", "ds", "queries")}
    }
  }
  if (own >= p.sequence) {
    return;
  }
${
    lines(range(own).flatMap((i) => [
      `  dqkv_store(row, k_column, ${held(v, i)}, scale * dk${i});`,
      `  dqkv_store(row, v_column, ${held(v, i)}, dv${i});`,
    ]))
  }
${v.headSize % 4 === 0 ? "" : "  if (head == p.heads - 1 && part == 0) { dqkv_pad(row, 3 * width); }"}
}
`;
}
