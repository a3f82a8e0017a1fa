/**
 * Backward on subgroup matrices, of powers of two: incoming gradients come near 2¹⁰ by what the last step saw of them, or are of order one
 * where nothing tells; P, at most one, is multiplied by 2¹²; dS, whose sums over a head may be far larger than what they add, by less.
 */

import { scalingText } from "../products/scales.ts";
import {
  counts,
  declareResults,
  declareTileVectors,
  laneVectors,
  leaving,
  loadOwn,
  loadTurned,
  matrixPlace,
  matrixSignature,
  type MatrixTile,
  multiplyHead,
  multiplyTile,
  output,
  part,
  passResults,
  putLaneVectors,
  putTile,
  readTile,
  seenKeys,
  stored,
  storeResults,
  storeSum,
} from "./attention_matrix_template.ts";
import { type AttentionMatrixVariant, type MatrixLayout, matrixLayout } from "./attention_matrix_variant.ts";
import { lines, outputType, prelude, range } from "./attention_template.ts";

/** How the incoming gradients are scaled, if by what was seen, and whether the kernel of queries looks at them for the next step. */
export type GradientScaling = { readonly observes: boolean } | undefined;

const bindings = (v: AttentionMatrixVariant, scaling: GradientScaling) =>
  `@group(0) @binding(1) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(2) var<storage, read> delta: array<f32>;
@group(0) @binding(${scaling ? 5 : 3}) var<storage, read_write> dqkv: array<${outputType(v)}>;`;

/** What both kernels begin with. */
function beginning(v: AttentionMatrixVariant, layout: MatrixLayout, scaling: GradientScaling, rows: string) {
  return `${prelude(v, bindings(v, scaling))}${part("qkv", v)}${part("d", v)}${output("dqkv", v)}
${scaling ? `${scalingText(scaling.observes)}var<workgroup> found: vec2<f32>;` : ""}
const score_unit = ${1 / stored ** 2};
const weight_unit = 4096.0; // of P
const less = 0.0625; // of dS, beyond the incoming gradients' scale
${rows}${matrixSignature(v, layout)}`;
}

/** The scale of the incoming gradients and its inverse. */
const gradientScale = (scaling: GradientScaling) =>
  scaling
    ? `  if (local == 0) {
    found = scale_from(${
      scaling.observes ? "atomicLoad(&seen[last_seen(0)].largest)" : "seen[last_seen(0)].largest"
    });
  }
  workgroupBarrier();
  let d_scale = found.x;
  let d_inverse = found.y;`
    : `  let d_scale = 256.0;
  let d_inverse = 1.0 / 256.0;`;

/** Scores and their gradients, products of what `own` names and the two tiles, in workgroup memory, where `strip` turns those of each strip. */
function scoresAndGradients(
  v: AttentionMatrixVariant,
  layout: MatrixLayout,
  own: readonly [string, string],
  strip: (i: number) => string,
): string {
  const { strips, across } = counts(v);
  const products = ["s", "g"].map((name, i) =>
    `    if (sees) {
${declareResults(v, name, across)}
${multiplyHead(v, layout, name, own[i], i)}
${storeResults(v, layout, name, i, 0, across)}
    }`
  );
  return `${lines(products)}
    workgroupBarrier();
    if (sees) {
${lines(range(strips).map(strip))}
    }
    workgroupBarrier();`;
}

/** Backward for queries: dq, from delta = rowsum(dO ∘ o). Operands `qkv` and `d` (dO). */
export function attentionMatrixQueryText(v: AttentionMatrixVariant, scaling?: GradientScaling): string {
  const layout = matrixLayout("backward_query", v);
  const { strips, headColumns } = counts(v);
  const { m } = v.shape;
  const keys: MatrixTile = { name: "keys", operand: "qkv", column: "k_column", factor: `${stored}.0` };
  const values: MatrixTile = { name: "values", operand: "qkv", column: "v_column", factor: `${stored}.0` };
  const observes = scaling?.observes;
  const read = (first: string) => lines([keys, values].map((tile) => readTile(v, tile, first)));
  const strip = (i: number) => {
    const [s, g] = [0, 1].map((place) => laneVectors(v, layout, place, i));
    return `    {
${
      lines(s.map(({ name, at }, n) =>
        `      var p${name} = exp2(bitcast<vec4<f32>>(staged[${at}]) * score_unit - lse${i});
      let g${name} = bitcast<vec4<f32>>(staged[${g[n].at}]) * ${1 / stored} - delta${i};`
      ))
    }
      if (masked) {
        let seen_to = vec4(${v.causal ? `min(own0 + ${i * m}u + row, p.sequence - 1)` : "p.sequence - 1"});
${
      lines(s.map(({ name, column }) =>
        `        p${name} = select(vec4<f32>(), p${name}, vec4(first + ${column}) + vec4(0u, 1u, 2u, 3u) <= seen_to);`
      ))
    }
      }
${lines(s.map(({ name }) => `      let ds${name} = p${name} * (g${name} * less);`))}
${putLaneVectors(v, layout, "ds", 0, i)}
    }`;
  };
  const looked = `if (own < p.sequence) {
      largest4 = max(largest4, max(magnitudes(x), magnitudes(y)));
      clipped4 += select(vec4(0u), vec4(1u), magnitudes(x) > vec4(limit)) + select(vec4(0u), vec4(1u), magnitudes(y) > vec4(limit));
    }`;
  const unit = `(scale * ${1 / stored} / less * d_inverse)`;
  const passed = passResults(v, layout, "dq", () => storeSum(v, "dqkv", "q_column", `value * ${unit}`));
  const results = leaving(v, "end", ["dq"], passed);
  return `${beginning(v, layout, scaling, "")}${matrixPlace(v, v.causal)}
${gradientScale(scaling)}
${
    observes
      ? `  if (flat == 0 && local == 0) {
    atomicStore(&seen[next_seen(0)].largest, 0u);
    atomicStore(&seen[next_seen(0)].clipped, 0u);
  }
  let limit = bitcast<u32>(65504.0 * d_inverse);
  var largest4 = vec4<u32>();
  var clipped4 = vec4<u32>();`
      : ""
  }
${loadOwn(v, layout, "q", { operand: "qkv", column: "q_column", factor: `(scale * log2e * ${stored})` })}
${
    loadOwn(v, layout, "d", {
      operand: "d",
      column: "q_column",
      factor: "d_scale",
      look: observes ? looked : "",
    })
  }
${
    observes
      ? `  let largest = subgroupMax(largest_of(largest4));
  let clipped = subgroupAdd(dot(clipped4, vec4(1u)));
  if (lane == 0) {
    atomicMax(&seen[now_seen(0)].largest, largest);
    atomicAdd(&seen[now_seen(0)].clipped, clipped);
  }`
      : ""
  }
${
    lines(
      range(strips).map((i) =>
        `  let at${i} = (start + min(own0 + ${i * m}u + row, p.sequence - 1)) * p.heads + head;
  let lse${i} = log_sum_exp[at${i}] * log2e;
  let delta${i} = delta[at${i}] * d_scale;`
      ),
    )
  }
${declareResults(v, "dq", headColumns)}
${results.before}
${declareTileVectors(v, keys)}
${declareTileVectors(v, values)}
  let end = ${v.causal ? `min(p.sequence, block0 + ${v.subgroups * v.rows}u)` : "p.sequence"};
${v.ahead ? read("0u") : ""}
  for (var first = 0u; first < end; first += ${v.tile}u) {
    let masked = first + ${v.tile}u > p.sequence${v.causal ? ` || first + ${v.tile - 1}u > block0` : ""};
${v.ahead ? "" : read("first")}
    workgroupBarrier();
${putTile(v, layout, keys, 0)}
${putTile(v, layout, values, 1)}
    workgroupBarrier();
${v.ahead ? read(`first + ${v.tile}u`) : ""}
${seenKeys(v)}
${scoresAndGradients(v, layout, ["q", "d"], strip)}
    if (sees) {
${loadTurned(v, layout, "ds", 0)}
${multiplyTile(v, layout, "dq", "ds", 0)}
    }
${results.inside}
  }
${results.after}
}
`;
}

/** Backward for keys: dk and dv, from delta = rowsum(dO ∘ o). Operands `qkv` and `d` (dO). */
export function attentionMatrixKeyText(v: AttentionMatrixVariant, scaling?: GradientScaling): string {
  const layout = matrixLayout("backward_key", v);
  const { headColumns } = counts(v);
  const { m } = v.shape;
  const queries: MatrixTile = {
    name: "queries",
    operand: "qkv",
    column: "q_column",
    factor: `${stored}.0`,
  };
  const rows: MatrixTile = { name: "d_rows", operand: "d", column: "q_column", factor: "d_scale" };
  const read = (first: string) =>
    lines([
      ...[queries, rows].map((tile) => readTile(v, tile, first)),
      `    for (var j = 0u; j < 4; j++) {
      let at = (start + min(${first} + local * 4 + j, p.sequence - 1)) * p.heads + head;
      if (local < ${v.tile / 4}u) { lse4[j] = log_sum_exp[at] * log2e; delta4[j] = delta[at] * d_scale; }
    }`,
    ]);
  const strip = (i: number) => {
    const [s, g] = [0, 1].map((place) => laneVectors(v, layout, place, i));
    return `    {
${
      lines(s.map(({ name, at, column }, n) =>
        `      var p${name} = exp2(bitcast<vec4<f32>>(staged[${at}]) * score_unit - tile_lse[(${column}) / 4]);
      var g${name} = (bitcast<vec4<f32>>(staged[${g[n].at}]) * ${
          1 / stored
        } - tile_delta[(${column}) / 4]) * less;`
      ))
    }
      if (masked) {
        let own = own0 + ${i * m}u + row;
${
      lines(s.map(({ name, column }) =>
        `        { let query = vec4(first + ${column}) + vec4(0u, 1u, 2u, 3u);
          p${name} = select(vec4<f32>(), p${name}, (query < vec4(p.sequence))${
          v.causal ? " & (query >= vec4(own))" : ""
        }); }`
      ))
    }
      }
${lines(s.map(({ name }) => `      g${name} *= p${name}; p${name} *= weight_unit;`))}
${putLaneVectors(v, layout, "p", 0, i)}
${putLaneVectors(v, layout, "g", 1, i)}
    }`;
  };
  const passed = (name: string, column: string, unit: string) =>
    passResults(v, layout, name, () => storeSum(v, "dqkv", column, `value * (${unit})`));
  const results = leaving(
    v,
    "p.sequence",
    ["dk", "dv"],
    lines([
      passed("dk", "k_column", `scale * ${1 / stored} / less * d_inverse`),
      passed("dv", "v_column", "d_inverse / weight_unit"),
    ]),
  );
  const tileRows = `var<workgroup> tile_lse: array<vec4<f32>, ${v.tile / 4}>;
var<workgroup> tile_delta: array<vec4<f32>, ${v.tile / 4}>;
`;
  return `${beginning(v, layout, scaling, tileRows)}${matrixPlace(v, false)}
${gradientScale(scaling)}
${loadOwn(v, layout, "k", { operand: "qkv", column: "k_column", factor: `(scale * log2e * ${stored})` })}
${loadOwn(v, layout, "v", { operand: "qkv", column: "v_column", factor: `${stored}.0` })}
${declareResults(v, "dk", headColumns)}
${declareResults(v, "dv", headColumns)}
${results.before}
${declareTileVectors(v, queries)}
${declareTileVectors(v, rows)}
  var lse4 = vec4<f32>();
  var delta4 = vec4<f32>();
  let begin = ${v.causal ? `block0 / ${v.tile}u * ${v.tile}u` : "0u"};
${v.ahead ? read("begin") : ""}
  for (var first = begin; first < p.sequence; first += ${v.tile}u) {
    let masked = first + ${v.tile}u > p.sequence${
    v.causal ? ` || first < block0 + ${v.subgroups * v.rows - 1}u` : ""
  };
${v.ahead ? "" : read("first")}
    workgroupBarrier();
${putTile(v, layout, queries, 0)}
${putTile(v, layout, rows, 1)}
    if (local < ${v.tile / 4}u) { tile_lse[local] = lse4; tile_delta[local] = delta4; }
    workgroupBarrier();
${v.ahead ? read(`first + ${v.tile}u`) : ""}
    let sees = ${v.causal ? `first + ${v.tile - 1}u >= own0` : "true"};
${scoresAndGradients(v, layout, ["k", "v"], strip)}
    if (sees) {
${loadTurned(v, layout, "p", 0)}
${multiplyTile(v, layout, "dv", "p", 1)}
    }
    if (sees) {
${loadTurned(v, layout, "ds", 1)}
${multiplyTile(v, layout, "dk", "ds", 0)}
    }
${results.inside}
  }
${results.after}
${
    v.headSize % 4 === 0 ? "" : `  if (head == p.heads - 1 && lane < ${v.rows}u) {
    for (var r = lane; r < ${v.rows}u; r += ${v.lanes}u) {
      if (own0 + r < p.sequence) { dqkv_pad(start + own0 + r, 3 * width); }
    }
  }`
  }
}
`;
}
