import { lines, range } from "../shared/text.ts";

/**
 * Writes the text of fused attention (FlashAttention, arXiv 2205.14135 and 2307.08691): scores are never stored, the softmax is kept
 * online, backward recomputes P from the log-sum-exp. A thread owns rows (queries; in the kernel of dK and dV, keys), or `split` threads
 * share them, each with every `split`-th vector of the head; the other side's rows pass through workgroup memory in tiles. What a row needs
 * is held in named vectors, because naga keeps indexed arrays in memory.
 */
export interface AttentionRows {
  readonly headSize: number;
  readonly causal: boolean;
  /** Query heads that share a key head; 1 if left out. */
  readonly group?: number;
  /** Threads of a workgroup, how many of them share a row, and how many rows each has a part of. */
  readonly threads: number;
  readonly split: number;
  readonly rows: number;
  /**
   * How threads that share rows add up: through workgroup memory; by subgroup shuffles; or by shuffles that leave each thread the sums of one
   * row, whose softmax it makes for all of them. Dealt, rows are as many as the threads that share them, or a part, and a power of two.
   */
  readonly sums: "exchanged" | "shuffled" | "dealt";
  /** Rows of the other side in workgroup memory, and how many of them are handled at once. */
  readonly tile: number;
  readonly unroll: number;
}

/** Rows of a workgroup. */
export function blockRows(v: AttentionRows): number {
  return v.threads / v.split * v.rows;
}

/** The variant's name in results. */
export function rowsName(v: AttentionRows): string {
  return `${v.threads}÷${v.split}${
    { exchanged: "", shuffled: "s", dealt: "d" }[v.sums]
  }×${v.rows}-${v.tile}x${v.unroll}`;
}

/** A head, and how many threads share its vectors. */
type Head = Pick<AttentionRows, "headSize" | "split">;

/** Vectors of a head, and those that one thread holds. */
export function vectors(v: Head): { head: number; own: number; padded: number } {
  const head = Math.ceil(v.headSize / 4);
  const own = Math.ceil(head / v.split);
  return { head, own, padded: own * v.split };
}

/** Part of an operand's row as vectors; beyond the head, zero. Heads that are not whole vectors are gathered. `stride` names the parameter. */
export function slice(name: string, v: Head, stride = `${name}_stride`): string {
  const { head, padded } = vectors(v);
  const guard = padded > head ? `  if (i >= ${head}u) { return vec4<f32>(); }\n` : "";
  if (v.headSize % 4 === 0) {
    return `
fn ${name}_slice(row: u32, first: u32, i: u32) -> vec4<f32> {
${guard}  let column = first / 4 + i;
  return ${name}_load4(row * p.${stride} + column, column);
}
`;
  }
  return `
fn ${name}_element(row: u32, first: u32, e: u32) -> f32 {
  if (e >= ${v.headSize}u) { return 0.0; }
  let column = (first + e) / 4;
  return ${name}_load4(row * p.${stride} + column, column)[(first + e) % 4];
}
fn ${name}_slice(row: u32, first: u32, i: u32) -> vec4<f32> {
  return vec4(${range(4).map((j) => `${name}_element(row, first, 4 * i + ${j})`).join(", ")});
}
`;
}

/** Writes part of an output row. Heads that are not whole vectors are scattered; who writes the last head writes the row's padding. */
export function store(name: string, v: Head): string {
  const { head, padded } = vectors(v);
  const guard = padded > head ? `  if (i >= ${head}u) { return; }\n` : "";
  if (v.headSize % 4 === 0) {
    return `
fn ${name}_store(row: u32, first: u32, i: u32, value: vec4<f32>) {
${guard}  ${name}[(row - p.written) * p.${name}_stride + first / 4 + i] = value;
}
`;
  }
  return `
fn ${name}_store(row: u32, first: u32, i: u32, value: vec4<f32>) {
  for (var j = 0u; j < 4; j++) {
    let e = 4 * i + j;
    if (e < ${v.headSize}u) { ${name}[(row - p.written) * p.${name}_stride * 4 + first + e] = value[j]; }
  }
}
fn ${name}_pad(row: u32, width: u32) {
  for (var column = width; column < p.${name}_stride * 4; column++) {
    ${name}[(row - p.written) * p.${name}_stride * 4 + column] = 0.0;
  }
}
`;
}

/** The element type of an output: vectors, or numbers where heads are not whole vectors. */
export const outputType = (v: Pick<Head, "headSize">) => v.headSize % 4 === 0 ? "vec4<f32>" : "f32";

/** What every kernel of attention begins with. */
export function prelude(v: Pick<Head, "headSize">, bindings: string): string {
  return `
// Rows are counted from the first that is bound to be read: sequences begin at start, and what is written is bound from row written on.
// Blocks of own rows from first_block on, of so many heads abreast; strides in vectors.
struct Parameters { start: u32, written: u32, sequences: u32, sequence: u32, heads: u32, first_block: u32, blocks: u32, abreast: u32, qkv_stride: u32, o_stride: u32, d_stride: u32, dqkv_stride: u32, kv_stride: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
${bindings}
const lowest = -3.0e38;
const scale = ${1 / Math.sqrt(v.headSize)};

fn sum4(v: vec4<f32>) -> f32 {
  return (v.x + v.y) + (v.z + v.w);
}
`;
}

/**
 * Where a workgroup stands: its sequence's first row, its head, and the first row of its block within the sequence. `own` tells which of the
 * block's rows are whose. Where heads share keys, these lie behind all heads' queries, as many columns of keys as of values; a workgroup that
 * owns keys has a key head, and no one head.
 */
export function workgroupPlace(
  v: Pick<AttentionRows, "headSize" | "group">,
  block: number,
  longestFirst: boolean,
  own: string,
  owns: "queries" | "keys" = "queries",
): string {
  const { headSize, group } = v;
  if (!isGrouped(v)) {
    return `${workgroupBlock("head", "p.heads", block, longestFirst)}
${own}
  let width = p.heads * ${headSize}u;
  let q_column = head * ${headSize}u;
  let k_column = width + q_column;
  let v_column = 2 * width + q_column;`;
  }
  const [head, heads] = owns === "keys" ? ["key_head", "key_heads"] : ["head", "p.heads"];
  return `
  let key_heads = p.heads / ${group}u;
${workgroupBlock(head, heads, block, longestFirst)}
${own}
${
    owns === "keys"
      ? ""
      : `  let key_head = head / ${group}u; let width = p.heads * ${headSize}u; let q_column = head * ${headSize}u;`
  }
  let k_column = (p.heads + key_head) * ${headSize}u;
  let v_column = k_column + key_heads * ${headSize}u;`;
}

/** Where a workgroup stands, each with one of so many heads of a sequence: p.abreast heads at a time, block after block of them all. */
function workgroupBlock(head: string, heads: string, block: number, longestFirst: boolean): string {
  const nth = longestFirst ? "p.blocks - 1 - turn / abreast" : "turn / abreast";
  return `
  let flat = group.y * groups.x + group.x;
  let all = p.sequences * ${heads};
  if (flat >= all * p.blocks) {
    return;
  }
  let earlier = flat / (p.abreast * p.blocks) * p.abreast;
  let abreast = min(p.abreast, all - earlier);
  let turn = flat - earlier * p.blocks;
  let index = earlier + turn % abreast;
  let ${head} = index % ${heads};
  let start = p.start + index / ${heads} * p.sequence;
  let block0 = (p.first_block + ${nth}) * ${block}u;`;
}

/** Whether several query heads share a key head. */
export const isGrouped = ({ group = 1 }: Pick<AttentionRows, "group">) => group > 1;

/**
 * Where a workgroup stands, and the rows of this thread. Where they are dealt, those of the threads that share them follow each other, and each
 * thread begins with its own: the r-th of a thread is the first of the thread r places on, r being added without carry.
 */
export function place(v: AttentionRows, longestFirst: boolean, owns?: "queries" | "keys"): string {
  const [sharing, rows] = [v.threads / v.split, v.rows];
  const nth = (r: number) =>
    v.sums === "dealt"
      ? `local / ${v.split}u * ${rows}u + (${r}u ^ (part % ${rows}u))`
      : `${r * sharing}u + local / ${v.split}u`;
  const own = range(rows).map((r) =>
    `  let own${r} = block0 + ${nth(r)};
  let row${r} = start + min(own${r}, p.sequence - 1);`
  );
  const text = lines([`  let part = local % ${v.split}u;`, ...own, ...seen(v, owns)]);
  return workgroupPlace(v, blockRows(v), longestFirst, text, owns);
}

/** Whether a subgroup goes over no more of a tile than its own rows see, or are seen by: where it has them side by side. */
export const skips = ({ causal, sums, rows }: AttentionRows) =>
  causal && (sums === "dealt" || (sums === "shuffled" && rows === 1));

/** How far a subgroup's own queries see, or from where on its own keys are seen. */
function seen(v: AttentionRows, owns: "queries" | "keys" = "queries"): string[] {
  if (!skips(v)) return [];
  const first = `block0 + local / ${v.split}u * ${v.rows}u`;
  return [
    owns === "keys"
      ? `  let seen = subgroupMin(${first});`
      : `  let seen = subgroupMax(${first} + ${v.rows}u);`,
  ];
}

/** The entry point, up to its body. */
export const signature = (v: AttentionRows) => `
@compute @workgroup_size(${v.threads})
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {`;

/** Index, among the vectors of a head, of the i-th that this thread holds. */
export const held = (v: AttentionRows, i: number) => v.split === 1 ? `${i}u` : `${i * v.split}u + part`;

/** One line for each vector of each row of a thread. */
export function perVector(v: AttentionRows, line: (r: number, i: number) => string): string {
  return lines(range(v.rows).flatMap((r) => range(vectors(v).own).map((i) => line(r, i))));
}

/** One line for each row of a thread. */
export function perRow(v: AttentionRows, line: (r: number) => string): string {
  return lines(range(v.rows).map(line));
}

/** The rows whose softmax a thread makes. */
const summed = (v: AttentionRows) => v.sums === "dealt" ? [0] : range(v.rows);

/** One line for each row whose softmax a thread makes. */
export function perSum(v: AttentionRows, line: (r: number) => string): string {
  return lines(summed(v).map(line));
}

/** One line for each pair of such a row and a row of the other side that is handled now. */
export function perPair(v: AttentionRows, line: (r: number, u: number) => string): string {
  return lines(range(v.unroll).flatMap((u) => summed(v).map((r) => line(r, u))));
}

/**
 * Products of a thread's rows with rows of a tile: `name{r}_{u} = Σ own{r}_i · tile[u, i]`, still partial where rows are split; number after
 * number, for sums of vectors would have to be added up. The tile's vectors stay in registers as `tile{u}_{i}`, for `accumulate`.
 */
export function scores(v: AttentionRows, name: string, own: string, tile: string): string {
  const factors = range(vectors(v).own).flatMap((i) => ["x", "y", "z", "w"].map((c) => `${i}.${c}`));
  return lines(
    range(v.unroll).map((u) =>
      lines([
        fetch(v, tile, u),
        ...factors.map((at, n) =>
          perRow(v, (r) => {
            const [to, a, b] = [`${name}${r}_${u}`, `${own}${r}_${at}`, `${tile}${u}_${at}`];
            return n === 0 ? `      var ${to} = ${a} * ${b};` : `      ${to} = fma(${a}, ${b}, ${to});`;
          })
        ),
      ])
    ),
  );
}

/** Loads a row of a tile into registers. */
export function fetch(v: AttentionRows, tile: string, u: number): string {
  return lines(
    range(vectors(v).own).map((i) => `      let ${tile}${u}_${i} = ${tile}[u0 + ${u}u][${i}][part];`),
  );
}

/** out{r}_i += Σ_u weight{r}_u · tile[u, i], the tile's vectors being in registers. */
export function accumulate(v: AttentionRows, out: string, weight: string, tile: string): string {
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
export function visible(v: AttentionRows, r: number, u: number): string {
  return v.causal ? `first + u0 + ${u}u <= own${r}` : `first + u0 + ${u}u < p.sequence`;
}
