/**
 * Writes the text of fused attention (FlashAttention, arXiv 2205.14135 and 2307.08691): scores are never stored, the softmax is kept
 * online, backward recomputes P from the log-sum-exp. A thread owns rows (queries; in the kernel of dK and dV, keys), or `split` threads
 * share them, each with every `split`-th vector of the head; the other side's rows pass through workgroup memory in tiles. What a row needs
 * is held in named vectors, because naga keeps indexed arrays in memory.
 */
export interface AttentionVariant {
  readonly headSize: number;
  readonly causal: boolean;
  /** Threads of a workgroup, how many of them share a row, and how many rows each has a part of. */
  readonly threads: number;
  readonly split: number;
  readonly rows: number;
  /** Whether threads that share rows add up through subgroup shuffles; else through workgroup memory. */
  readonly shuffle: boolean;
  /** Rows of the other side in workgroup memory, and how many of them are handled at once. */
  readonly tile: number;
  readonly unroll: number;
}

/** Rows of a workgroup. */
export function blockRows(v: AttentionVariant): number {
  return v.threads / v.split * v.rows;
}

/** The variant's name in results. */
export function attentionVariantName(v: AttentionVariant): string {
  return `${v.threads}÷${v.split}${v.shuffle ? "s" : ""}×${v.rows}-${v.tile}x${v.unroll}`;
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

/** Where a workgroup stands: its sequence's first row, its head, and the rows of this thread within the sequence. */
function place(v: AttentionVariant, longestFirst: boolean): string {
  const block = blockRows(v);
  return `
  let blocks = (p.sequence + ${block - 1}u) / ${block}u;
  let flat = group.y * groups.x + group.x;
  let index = flat / blocks;
  if (index >= p.sequences * p.heads) {
    return;
  }
  let head = index % p.heads;
  let start = index / p.heads * p.sequence;
  let block0 = ${longestFirst ? "(blocks - 1 - flat % blocks)" : "(flat % blocks)"} * ${block}u;
  let part = local % ${v.split}u;
${
    lines(
      range(v.rows).map((r) =>
        `  let own${r} = block0 + ${r * v.threads / v.split}u + local / ${v.split}u;
  let row${r} = start + min(own${r}, p.sequence - 1);`
      ),
    )
  }
  let width = p.heads * ${v.headSize}u;
  let q_column = head * ${v.headSize}u;
  let k_column = width + q_column;
  let v_column = 2 * width + q_column;`;
}

const signature = (v: AttentionVariant) => `
@compute @workgroup_size(${v.threads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {`;

/** Index, among the vectors of a head, of the i-th that this thread holds. */
const held = (v: AttentionVariant, i: number) => v.split === 1 ? `${i}u` : `${i * v.split}u + part`;

/** One line for each vector of each row of a thread. */
function perVector(v: AttentionVariant, line: (r: number, i: number) => string): string {
  return lines(range(v.rows).flatMap((r) => range(vectors(v).own).map((i) => line(r, i))));
}

/** One line for each row of a thread. */
function perRow(v: AttentionVariant, line: (r: number) => string): string {
  return lines(range(v.rows).map(line));
}

/** One line for each pair of a thread's row and a row of the other side that is handled now. */
function perPair(v: AttentionVariant, line: (r: number, u: number) => string): string {
  return lines(range(v.unroll).flatMap((u) => range(v.rows).map((r) => line(r, u))));
}

/** Loads a tile of rows [first, first + tile) of matrices into workgroup memory; zero beyond the sequence. */
function loadTiles(v: AttentionVariant, tiles: [name: string, operand: string, column: string][]): string {
  const { padded } = vectors(v);
  return `
    workgroupBarrier();
    for (var at = local; at < ${v.tile * padded}u; at += ${v.threads}u) {
      let other = first + at / ${padded}u;
      let i = at % ${padded}u;
      if (other < p.sequence) {
${
    lines(tiles.map(([name, operand, column]) =>
      `        ${name}[at] = ${operand}_slice(start + other, ${column}, i);`
    ))
  }
      } else {
${lines(tiles.map(([name]) => `        ${name}[at] = vec4<f32>();`))}
      }
    }
    workgroupBarrier();`;
}

/**
 * Sums, over the threads that share rows, the scalars in `names`; each thread has the sums afterwards. Shuffles rely on neighbours in a
 * workgroup of one dimension being neighbours in a subgroup, as every current driver has it; the tests would show one that has not.
 */
function share(v: AttentionVariant, names: string[]): string {
  if (v.split === 1) return "";
  if (v.shuffle) {
    const distances = range(Math.log2(v.split)).map((bit) => 1 << bit);
    return lines(
      distances.flatMap((d) => names.map((name) => `      ${name} += subgroupShuffleXor(${name}, ${d}u);`)),
    );
  }
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

function exchange(v: AttentionVariant, matrices: number): string {
  if (v.split === 1 || v.shuffle) return "";
  return `var<workgroup> exchange: array<f32, ${v.threads * v.rows * v.unroll * matrices}>;`;
}

const pairs = (v: AttentionVariant, names: string[]) =>
  range(v.unroll).flatMap((u) => range(v.rows).flatMap((r) => names.map((name) => `${name}${r}_${u}`)));

/**
 * Products of a thread's rows with rows of a tile: `name{r}_{u} = Σ own{r}_i · tile[u, i]`, still partial where rows are split. The tile's
 * vectors stay in registers as `tile{u}_{i}`, for `accumulate`.
 */
function scores(v: AttentionVariant, name: string, own: string, tile: string): string {
  const { own: count } = vectors(v);
  return lines(
    range(v.unroll).map((u) =>
      lines([
        fetch(v, tile, u),
        perRow(v, (r) => `      var ${name}${r}_${u} = 0.0;`),
        `      {`,
        perRow(v, (r) => `      var acc${r} = ${own}${r}_0 * ${tile}${u}_0;`),
        ...range(count - 1).flatMap((i) =>
          perRow(v, (r) => `      acc${r} = fma(${own}${r}_${i + 1}, ${tile}${u}_${i + 1}, acc${r});`)
        ),
        perRow(v, (r) => `      ${name}${r}_${u} = sum4(acc${r});`),
        `      }`,
      ])
    ),
  );
}

/** Loads a row of a tile into registers. */
function fetch(v: AttentionVariant, tile: string, u: number): string {
  const { own, padded } = vectors(v);
  return lines(
    range(own).map((i) => `      let ${tile}${u}_${i} = ${tile}[base + ${u * padded}u + ${held(v, i)}];`),
  );
}

/** out{r}_i += Σ_u weight{r}_u · tile[u, i], the tile's vectors being in registers. */
function accumulate(v: AttentionVariant, out: string, weight: string, tile: string): string {
  return lines(
    range(v.unroll).flatMap((u) =>
      range(vectors(v).own).map((i) =>
        perRow(
          v,
          (r) => `      ${out}${r}_${i} = fma(vec4(${weight}${r}_${u}), ${tile}${u}_${i}, ${out}${r}_${i});`,
        )
      )
    ),
  );
}

/** Whether row u of the tile counts for row r of the thread, a query. */
function visible(v: AttentionVariant, r: number, u: number): string {
  return v.causal ? `first + u0 + ${u}u <= own${r}` : `first + u0 + ${u}u < p.sequence`;
}

/** The loop over the rows of the other side: tiles, and in them `unroll` rows at once. */
function loop(
  v: AttentionVariant,
  first: string,
  end: string,
  tiles: Parameters<typeof loadTiles>[1],
  body: string,
): string {
  return `  for (var first = ${first}; first < ${end}; first += ${v.tile}u) {
${loadTiles(v, tiles)}
    for (var u0 = 0u; u0 < ${v.tile}u && first + u0 < ${end}; u0 += ${v.unroll}u) {
      let base = u0 * ${vectors(v).padded}u;
${body}
    }
  }`;
}

const keyTiles: Parameters<typeof loadTiles>[1] = [["keys", "qkv", "k_column"], [
  "values",
  "qkv",
  "v_column",
]];

/** The first key that no query of the block sees. */
const endOfKeys = (v: AttentionVariant) =>
  v.causal ? `min(p.sequence, block0 + ${blockRows(v)}u)` : "p.sequence";

/** Forward: o = softmax(scale q·kᵀ) v and the log-sum-exp of each row. Operand `qkv`. */
export function attentionForwardText(v: AttentionVariant): string {
  const { padded } = vectors(v);
  const bindings = `@group(0) @binding(1) var<storage, read_write> o: array<${outputType(v)}>;
@group(0) @binding(2) var<storage, read_write> log_sum_exp: array<f32>;`;
  const body = `${scores(v, "s", "q", "keys")}
${share(v, pairs(v, ["s"]))}
${perRow(v, (r) => `      var top${r} = highest${r};`)}
${
    perPair(v, (r, u) =>
      `      s${r}_${u} = select(lowest, s${r}_${u}, ${
        visible(v, r, u)
      }); top${r} = max(top${r}, s${r}_${u});`)
  }
${
    perRow(v, (r) =>
      `      let shrink${r} = exp(highest${r} - top${r}); highest${r} = top${r}; total${r} *= shrink${r};`)
  }
${perVector(v, (r, i) => `      o${r}_${i} *= shrink${r};`)}
${perPair(v, (r, u) => `      let p${r}_${u} = exp(s${r}_${u} - top${r}); total${r} += p${r}_${u};`)}
${lines(range(v.unroll).map((u) => fetch(v, "values", u)))}
${accumulate(v, "o", "p", "values")}`;
  return `${prelude(v, bindings)}${slice("qkv", v)}${store("o", v)}
var<workgroup> keys: array<vec4<f32>, ${v.tile * padded}>;
var<workgroup> values: array<vec4<f32>, ${v.tile * padded}>;
${exchange(v, 1)}
${signature(v)}${place(v, v.causal)}
${
    perVector(v, (r, i) =>
      `  let q${r}_${i} = scale * qkv_slice(row${r}, q_column, ${held(v, i)}); var o${r}_${i} = vec4<f32>();`)
  }
${perRow(v, (r) => `  var highest${r} = lowest; var total${r} = 0.0;`)}
  let end = ${endOfKeys(v)};
${loop(v, "0u", "end", keyTiles, body)}
${
    perRow(v, (r) =>
      `  if (own${r} < p.sequence) {
${
        lines(
          range(vectors(v).own).map((i) =>
            `    o_store(row${r}, q_column, ${held(v, i)}, o${r}_${i} / total${r});`
          ),
        )
      }
    if (part == 0) {
      log_sum_exp[row${r} * p.heads + head] = log(total${r}) + highest${r};
${v.headSize % 4 === 0 ? "" : `      if (head == p.heads - 1) { o_pad(row${r}, width); }`}
    }
  }`)
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
  const body = `${scores(v, "s", "q", "keys")}
${scores(v, "g", "d", "values")}
${share(v, pairs(v, ["s", "g"]))}
${
    perPair(v, (r, u) =>
      `      let ds${r}_${u} = select(0.0, exp(s${r}_${u} - lse${r}) * (g${r}_${u} - delta${r}), ${
        visible(v, r, u)
      });`)
  }
${accumulate(v, "dq", "ds", "keys")}`;
  return `${prelude(v, bindings)}${slice("qkv", v)}${slice("o", v)}${slice("d", v)}${store("dqkv", v)}
var<workgroup> keys: array<vec4<f32>, ${v.tile * padded}>;
var<workgroup> values: array<vec4<f32>, ${v.tile * padded}>;
${exchange(v, 2)}
${signature(v)}${place(v, v.causal)}
${
    perVector(v, (r, i) =>
      `  let q${r}_${i} = scale * qkv_slice(row${r}, q_column, ${held(v, i)});
  let d${r}_${i} = d_slice(row${r}, q_column, ${held(v, i)}); var dq${r}_${i} = vec4<f32>();`)
  }
${perRow(v, (r) => `  var delta${r} = 0.0; let lse${r} = log_sum_exp[row${r} * p.heads + head];`)}
${perVector(v, (r, i) => `  delta${r} += dot(d${r}_${i}, o_slice(row${r}, q_column, ${held(v, i)}));`)}
${share(v, range(v.rows).map((r) => `delta${r}`))}
  let end = ${endOfKeys(v)};
${loop(v, "0u", "end", keyTiles, body)}
${
    perRow(v, (r) =>
      `  if (own${r} < p.sequence) {
${lines(range(own).map((i) => `    dqkv_store(row${r}, q_column, ${held(v, i)}, scale * dq${r}_${i});`))}
    if (part == 0) { delta[row${r} * p.heads + head] = delta${r}; }
  }`)
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
  const query = (u: number) => `first + u0 + ${u}u`;
  const seen = (r: number, u: number) =>
    `${query(u)} < p.sequence${v.causal ? ` && ${query(u)} >= own${r}` : ""}`;
  const body = `${scores(v, "s", "k", "queries")}
${scores(v, "g", "v", "d_rows")}
${share(v, pairs(v, ["s", "g"]))}
${
    lines(
      range(v.unroll).map((u) =>
        `      let at${u} = (start + min(${query(u)}, p.sequence - 1)) * p.heads + head;
      let lse${u} = log_sum_exp[at${u}]; let delta${u} = delta[at${u}];`
      ),
    )
  }
${
    perPair(v, (r, u) =>
      `      let p${r}_${u} = select(0.0, exp(s${r}_${u} - lse${u}), ${
        seen(r, u)
      }); let ds${r}_${u} = p${r}_${u} * (g${r}_${u} - delta${u});`)
  }
${accumulate(v, "dv", "p", "d_rows")}
${accumulate(v, "dk", "ds", "queries")}`;
  return `${prelude(v, bindings)}${slice("qkv", v)}${slice("d", v)}${store("dqkv", v)}
var<workgroup> queries: array<vec4<f32>, ${v.tile * padded}>;
var<workgroup> d_rows: array<vec4<f32>, ${v.tile * padded}>;
${exchange(v, 2)}
${signature(v)}${place(v, false)}
${
    perVector(v, (r, i) =>
      `  let k${r}_${i} = scale * qkv_slice(row${r}, k_column, ${held(v, i)}); var dk${r}_${i} = vec4<f32>();
  let v${r}_${i} = qkv_slice(row${r}, v_column, ${held(v, i)}); var dv${r}_${i} = vec4<f32>();`)
  }
${
    loop(v, v.causal ? `block0 / ${v.tile}u * ${v.tile}u` : "0u", "p.sequence", [
      ["queries", "qkv", "q_column"],
      ["d_rows", "d", "q_column"],
    ], body)
  }
${
    perRow(v, (r) =>
      `  if (own${r} < p.sequence) {
${
        lines(
          range(own).flatMap((i) => [
            `    dqkv_store(row${r}, k_column, ${held(v, i)}, scale * dk${r}_${i});`,
            `    dqkv_store(row${r}, v_column, ${held(v, i)}, dv${r}_${i});`,
          ]),
        )
      }
${v.headSize % 4 === 0 ? "" : `    if (head == p.heads - 1 && part == 0) { dqkv_pad(row${r}, 3 * width); }`}
  }`)
  }
}
`;
}
