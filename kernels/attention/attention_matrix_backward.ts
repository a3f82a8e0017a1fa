/** Backward on subgroup matrices. Each kernel looks at its own rows for both; that of keys, at what becomes of scores, too. */

import {
  declareTileVectors,
  loadOwn,
  type MatrixTile,
  putTile,
  readerOfGradient,
  readersOfInputs,
  readTile,
} from "./attention_matrix_operands.ts";
import { leaving, output, passResults, storeSum } from "./attention_matrix_results.ts";
import { declareScales, findScales, lookScaled, type Observing, tell } from "./attention_matrix_scales.ts";
import {
  counts,
  declareResults,
  laneVectors,
  loadTurned,
  matrixPlace,
  matrixSignature,
  multiplyHead,
  multiplyTile,
  putLaneVectors,
  seenKeys,
  storeResults,
} from "./attention_matrix_template.ts";
import { type AttentionMatrixVariant, type MatrixLayout, matrixLayout } from "./attention_matrix_variant.ts";
import { isGrouped, outputType, prelude } from "./attention_template.ts";
import { lines, range } from "../shared/text.ts";

const bindings = (v: AttentionMatrixVariant, scaling: Observing) =>
  `@group(0) @binding(1) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(2) var<storage, read> delta: array<f32>;
@group(0) @binding(${scaling ? 5 : 3}) var<storage, read_write> dqkv: array<${outputType(v)}>;`;

/** What both kernels begin with. */
function beginning(v: AttentionMatrixVariant, layout: MatrixLayout, scaling: Observing, rows: string) {
  return `${prelude(v, bindings(v, scaling))}${readersOfInputs(v)}${readerOfGradient(v)}${output("dqkv", v)}
${declareScales(scaling)}
${rows}${matrixSignature(v, layout)}`;
}

/** What products of scaled operands are multiplied by: exponents of powers of two, and dP in the units of dS. */
const units = `  let score_unit = scale * log2e * q_inverse * k_inverse;
  let gradient_unit = ds_scale * d_inverse * v_inverse;`;

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

/** P of the scores at a place, no more than 1, as in `attention_backward_template.ts`; log-sum-exps are to base 2. */
const probabilities = (at: string, logSumExp: string) =>
  `exp2(min(bitcast<vec4<f32>>(staged[${at}]) * score_unit - ${logSumExp}, vec4<f32>()))`;

/** Backward for queries: dq, from delta = rowsum(dO ∘ o). Operands `qkv` (or `q`, `k` and `v`) and `d` (dO). */
export function attentionMatrixQueryText(v: AttentionMatrixVariant, scaling?: Observing): string {
  const layout = matrixLayout("backward_query", v);
  const { strips, headColumns } = counts(v);
  const { m } = v.shape;
  const keys: MatrixTile = { name: "keys", of: "k" };
  const values: MatrixTile = { name: "values", of: "v" };
  const read = (first: string) => lines([keys, values].map((tile) => readTile(v, tile, first)));
  const strip = (i: number) => {
    const [s, g] = [0, 1].map((place) => laneVectors(v, layout, place, i));
    return `    {
${
      lines(s.map(({ name, at }, n) =>
        `      var p${name} = ${probabilities(at, `lse${i}`)};
      let g${name} = bitcast<vec4<f32>>(staged[${g[n].at}]) * gradient_unit - delta${i};`
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
${lines(s.map(({ name }) => `      let ds${name} = p${name} * g${name};`))}
${putLaneVectors(v, layout, "ds", 0, i)}
    }`;
  };
  const unit = "(scale * k_inverse * ds_inverse)";
  const passed = passResults(v, layout, "dq", () => storeSum(v, "dqkv", "q_column", `value * ${unit}`));
  const results = leaving(v, "end", ["dq"], passed);
  return `${beginning(v, layout, scaling, "")}${matrixPlace(v, v.causal)}
${findScales("backward_query", v, ["q", "k", "v", "d", "ds"], scaling)}
${units}
${loadOwn(v, layout, "q", scaling)}
${loadOwn(v, layout, "d", scaling)}
${tell(["q", "d"], v, scaling)}
${
    lines(
      range(strips).map((i) =>
        `  let at${i} = (start + min(own0 + ${i * m}u + row, p.sequence - 1)) * p.heads + head;
  let lse${i} = log_sum_exp[at${i}] * log2e;
  let delta${i} = delta[at${i}] * ds_scale;`
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

/**
 * Backward for keys: dk and dv, from delta = rowsum(dO ∘ o). Operands `qkv` (or `q`, `k` and `v`) and `d` (dO). Where heads share keys, a
 * workgroup goes over all of them, one after the other.
 */
export function attentionMatrixKeyText(v: AttentionMatrixVariant, scaling?: Observing): string {
  const layout = matrixLayout("backward_key", v);
  const { headColumns } = counts(v);
  const { m } = v.shape;
  const block = v.subgroups * v.rows;
  const queries: MatrixTile = { name: "queries", of: "q" };
  const rows: MatrixTile = { name: "d_rows", of: "d" };
  const read = (first: string) =>
    lines([
      ...[queries, rows].map((tile) => readTile(v, tile, first)),
      `    for (var j = 0u; j < 4; j++) {
      let at = (start + min(${first} + local * 4 + j, p.sequence - 1)) * p.heads + head;
      if (local < ${v.tile / 4}u) { lse4[j] = log_sum_exp[at] * log2e; delta4[j] = delta[at] * ds_scale; }
    }`,
    ]);
  const strip = (i: number) => {
    const [s, g] = [0, 1].map((place) => laneVectors(v, layout, place, i));
    return `    {
${
      lines(s.map(({ name, at, column }, n) =>
        `      var p${name} = ${probabilities(at, `tile_lse[(${column}) / 4]`)};
      var g${name} = bitcast<vec4<f32>>(staged[${g[n].at}]) * gradient_unit - tile_delta[(${column}) / 4];`
      ))
    }
      if (masked) {
        let own = own0 + ${i * m}u + row;
${
      lines(s.map(({ name, column }) =>
        `        { let query = vec4(first + ${column}) + vec4(0u, 1u, 2u, 3u);
          p${name} = select(vec4<f32>(), p${name}, (query < vec4(p.sequence)) & ${
          v.causal ? "(query >= vec4(own))" : "vec4(own < p.sequence)"
        }); }`
      ))
    }
      }
${lines(s.map(({ name }) => `      g${name} *= p${name}; p${name} *= p_scale;`))}
${lookScaled("p", s.map(({ name }) => `p${name}`), scaling)}
${lookScaled("ds", s.map(({ name }) => `g${name}`), scaling)}
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
      passed("dk", "k_column", "scale * q_inverse * ds_inverse"),
      passed("dv", "v_column", "p_inverse * d_inverse"),
    ]),
  );
  const tileRows = `var<workgroup> tile_lse: array<vec4<f32>, ${v.tile / 4}>;
var<workgroup> tile_delta: array<vec4<f32>, ${v.tile / 4}>;
`;
  return `${beginning(v, layout, scaling, tileRows)}${matrixPlace(v, false, "keys")}
${findScales("backward_key", v, ["q", "k", "v", "d", "p", "ds"], scaling)}
${units}
${loadOwn(v, layout, "k", scaling)}
${loadOwn(v, layout, "v", scaling)}
${tell(["k", "v"], v, scaling)}
${declareResults(v, "dk", headColumns)}
${declareResults(v, "dv", headColumns)}
${results.before}
${declareTileVectors(v, queries)}
${declareTileVectors(v, rows)}
  var lse4 = vec4<f32>();
  var delta4 = vec4<f32>();
  let begin = ${v.causal ? `block0 / ${v.tile}u * ${v.tile}u` : "0u"};
${
    isGrouped(v)
      ? `  for (var head = key_head * ${v.group}u; head < (key_head + 1) * ${v.group}u; head++) {
  let q_column = head * ${v.headSize}u;`
      : ""
  }
${v.ahead ? read("begin") : ""}
  for (var first = begin; first < p.sequence; first += ${v.tile}u) {
    let masked = first + ${v.tile}u > p.sequence || ${
    v.causal ? `first < block0 + ${block - 1}u` : `block0 + ${block}u > p.sequence`
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
  }${isGrouped(v) ? "}" : ""}
${results.after}
${tell(["p", "ds"], v, scaling)}
${
    v.headSize % 4 === 0
      ? ""
      : `  if (${isGrouped(v) ? "key_head == key_heads - 1" : "head == p.heads - 1"} && lane < ${v.rows}u) {
    for (var r = lane; r < ${v.rows}u; r += ${v.lanes}u) {
      if (own0 + r < p.sequence) { dqkv_pad(start + own0 + r, v_column + ${v.headSize}u); }
    }
  }`
  }
}
`;
}
