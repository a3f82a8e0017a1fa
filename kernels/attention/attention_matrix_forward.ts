import {
  declareTileVectors,
  loadOwn,
  type MatrixTile,
  putTile,
  readersOfInputs,
  readTile,
} from "./attention_matrix_operands.ts";
import { leaving, output, passResults, storeSum } from "./attention_matrix_results.ts";
import { declareScales, findScales, type Observing, tell } from "./attention_matrix_scales.ts";
import {
  acrossLanes,
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
import { type AttentionMatrixVariant, matrixLayout } from "./attention_matrix_variant.ts";
import { outputType, prelude } from "./attention_template.ts";
import { lines, range } from "../shared/text.ts";

/**
 * Forward: o = softmax(scale q·kᵀ) v and the log-sum-exp of each row, of powers of two. Sums cannot be scaled where they are, so a row's
 * exponents count from a reference that stays until a score exceeds it by far; only then do all sums pass through workgroup memory. So P is
 * 2¹⁵ at most, which halves hold.
 */
export function attentionMatrixForwardText(v: AttentionMatrixVariant, scaling?: Observing): string {
  const layout = matrixLayout("forward", v);
  const { strips, across, headColumns } = counts(v);
  const { m, n } = v.shape;
  const keys: MatrixTile = { name: "keys", of: "k" };
  const values: MatrixTile = { name: "values", of: "v" };
  const block = v.subgroups * v.rows;
  const strip = (i: number) => {
    const vectors = laneVectors(v, layout, 0, i);
    const each = (line: (one: typeof vectors[number]) => string) => lines(vectors.map(line));
    return `    {
${each(({ name, at }) => `      var s${name} = bitcast<vec4<f32>>(staged[${at}]) * score_unit;`)}
      if (masked) {
        let seen = vec4(${v.causal ? `min(own0 + ${i * m}u + row, p.sequence - 1)` : "p.sequence - 1"});
${
      each(({ name, column }) =>
        `        s${name} = select(vec4(lowest), s${name}, vec4(first + ${column}) + vec4(0u, 1u, 2u, 3u) <= seen);`
      )
    }
      }
      var top4 = s0_0;
${each(({ name }) => `      top4 = max(top4, s${name});`)}
      var top = max(max(top4.x, top4.y), max(top4.z, top4.w));
${acrossLanes(v, "top", (a, b) => `max(${a}, ${b})`)}
      if (top > reference${i} + most) {
        let fresh = top - least;
        shrink${i} = exp2(reference${i} - fresh);
        total${i} *= shrink${i};
        reference${i} = fresh;
        if (first > 0) { raised = 1u; }
      }
${each(({ name }) => `      let p${name} = exp2(s${name} - reference${i});`)}
      total${i} += sum4(${vectors.map(({ name }) => `p${name}`).join(" + ")});
${putLaneVectors(v, layout, "p", 0, i)}
    }`;
  };
  const rescaled = passResults(
    v,
    layout,
    "o",
    (i) =>
      `      let scaled = value * subgroupShuffle(shrink${i}, r);
      if (inside) { staged[at] = bitcast<vec4<u32>>(scaled); }`,
    (i, j, at) =>
      `    o${i}_${j} = subgroupMatrixLoad<subgroup_matrix_result<f32, ${n}, ${m}>, row_major>(&staged, ${at}, ${layout.scores.pitch}u);`,
  );
  const passed = passResults(v, layout, "o", (i) =>
    `      let carried = subgroupShuffle(carry${i}, r);
      let factor = subgroupShuffle(factor${i}, r);
${storeSum(v, "o", "q_column", "value * v_inverse", { factor: "factor", carried: "carried" })}`);
  // Of what was stored before, exponents count from the reference of then.
  const results = leaving(
    v,
    "end",
    ["o"],
    `${
      lines(
        range(strips).map((i) =>
          `  let carry${i} = exp2(left${i} - reference${i});
  left${i} = reference${i};
  if (ends) {
${acrossLanes(v, `total${i}`, (a, b) => `${a} + ${b}`)}
    if (shared_by == 0 && own0 + ${i * m}u + row < p.sequence) {
      let at = start + own0 + ${i * m}u + row;
      log_sum_exp[(at - p.written) * p.heads + head] = (reference${i} + log2(total${i})) / log2e;
${v.headSize % 4 === 0 ? "" : "      if (head == p.heads - 1) { o_pad(at, width); }"}
    }
  }
  let factor${i} = select(1.0, 1.0 / total${i}, ends);`
        ),
      )
    }
${passed}`,
  );
  const bindings = `@group(0) @binding(1) var<storage, read_write> o: array<${outputType(v)}>;
@group(0) @binding(2) var<storage, read_write> log_sum_exp: array<f32>;`;
  return `${prelude(v, bindings)}${readersOfInputs(v)}${output("o", v)}${declareScales(scaling)}
// A row's largest exponent: when its reference is set, and when it is to be set anew; halves reach to 16.
const least = 6.0;
const most = 15.0;
var<workgroup> raised: u32;
${matrixSignature(v, layout)}${matrixPlace(v, v.causal)}
${findScales("forward", v, ["q", "k", "v"], scaling)}
  let score_unit = scale * log2e * q_inverse * k_inverse;
${loadOwn(v, layout, "q", scaling)}
${tell(["q"], v, scaling)}
${declareResults(v, "o", headColumns)}
${
    lines(
      range(strips).map((i) =>
        `  var reference${i} = lowest; var total${i} = 0.0; var shrink${i} = 1.0; var left${i} = lowest;`
      ),
    )
  }
${results.before}
${declareTileVectors(v, keys)}
${declareTileVectors(v, values)}
  let end = ${v.causal ? `min(p.sequence, block0 + ${block}u)` : "p.sequence"};
${v.ahead ? readTile(v, keys, "0u") : ""}
  for (var first = 0u; first < end; first += ${v.tile}u) {
    let masked = first + ${v.tile}u > p.sequence${v.causal ? ` || first + ${v.tile - 1}u > block0` : ""};
${v.ahead ? "" : readTile(v, keys, "first")}
${seenKeys(v)}
    workgroupBarrier();
    if (local == 0) { raised = 0u; }
${putTile(v, layout, keys, 0, scaling)}
    workgroupBarrier();
${v.ahead ? readTile(v, values, "first") : ""}
    if (sees) {
${declareResults(v, "s", across)}
${multiplyHead(v, layout, "s", "q", 0)}
${storeResults(v, layout, "s", 0, 0, across)}
    }
${v.ahead ? "" : readTile(v, values, "first")}
    workgroupBarrier();
${putTile(v, layout, values, 0, scaling)}
${lines(range(strips).map((i) => `    shrink${i} = 1.0;`))}
    if (sees) {
${lines(range(strips).map(strip))}
    }
    let raise = workgroupUniformLoad(&raised);
${v.ahead ? readTile(v, keys, `first + ${v.tile}u`) : ""}
${loadTurned(v, layout, "p", 0)}
    if (raise != 0) {
${rescaled}
    }
    if (sees) {
${multiplyTile(v, layout, "o", "p", 0)}
    }
${results.inside}
  }
${results.after}
${tell(["k", "v"], v, scaling)}
}
`;
}
