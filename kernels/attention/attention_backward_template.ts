import { exchange, gatherPairs, share } from "./attention_sums.ts";
import {
  accumulate,
  type AttentionRows,
  held,
  isGrouped,
  outputType,
  perPair,
  perRow,
  perSum,
  perVector,
  place,
  prelude,
  scores,
  signature,
  slice,
  store,
  vectors,
  visible,
} from "./attention_template.ts";
import { declareTile, endOfKeys, keyTiles, loop } from "./attention_tiles.ts";
import { lines, range } from "../shared/text.ts";

/**
 * P of a score, no more than 1: scores of stored q and k can lie so far above the exact log-sum-exp that the power would be infinite, where
 * ranges clip what grew since above all.
 */
const probability = (score: string, logSumExp: string) => `exp(min(${score} - ${logSumExp}, 0.0))`;

/** Backward for queries: dq, from delta = rowsum(dO ∘ o). Operands `qkv` and `d` (dO). */
export function attentionBackwardQueryText(v: AttentionRows): string {
  const { own } = vectors(v);
  const bindings = `@group(0) @binding(1) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(2) var<storage, read> delta: array<f32>;
@group(0) @binding(3) var<storage, read_write> dqkv: array<${outputType(v)}>;`;
  const body = `${scores(v, "s", "q", "keys")}
${scores(v, "g", "d", "values")}
${share(v, ["s", "g"])}
${
    perPair(v, (r, u) =>
      `      let ds${r}_${u} = select(0.0, ${
        probability(`s${r}_${u}`, `lse${r}`)
      } * (g${r}_${u} - delta${r}), ${visible(v, r, u)});`)
  }
${gatherPairs(v, "ds")}
${accumulate(v, "dq", "ds", "keys")}`;
  return `${prelude(v, bindings)}${slice("qkv", v)}${slice("d", v)}${store("dqkv", v)}
${declareTile(v, "keys")}
${declareTile(v, "values")}
${exchange(v, 2)}
${signature(v)}${place(v, v.causal)}
${
    perVector(v, (r, i) =>
      `  let q${r}_${i} = scale * qkv_slice(row${r}, q_column, ${held(v, i)});
  let d${r}_${i} = d_slice(row${r}, q_column, ${held(v, i)}); var dq${r}_${i} = vec4<f32>();`)
  }
${
    perSum(v, (r) =>
      `  let at${r} = row${r} * p.heads + head; let lse${r} = log_sum_exp[at${r}]; let delta${r} = delta[at${r}];`)
  }
  let end = ${endOfKeys(v)};
${loop(v, "0u", "end", keyTiles, body)}
${
    perRow(v, (r) =>
      `  if (own${r} < p.sequence) {
${lines(range(own).map((i) => `    dqkv_store(row${r}, q_column, ${held(v, i)}, scale * dq${r}_${i});`))}
  }`)
  }
}
`;
}

/**
 * Backward for keys: dk and dv, from delta = rowsum(dO ∘ o). Operands `qkv` and `d` (dO). Where heads share keys, a workgroup goes over all of
 * them, one after the other.
 */
export function attentionBackwardKeyText(v: AttentionRows): string {
  const { own } = vectors(v);
  const bindings = `@group(0) @binding(1) var<storage, read> log_sum_exp: array<f32>;
@group(0) @binding(2) var<storage, read> delta: array<f32>;
@group(0) @binding(3) var<storage, read_write> dqkv: array<${outputType(v)}>;`;
  const query = (u: number) => `first + u0 + ${u}u`;
  const seen = (r: number, u: number) =>
    `${query(u)} < p.sequence${v.causal ? ` && ${query(u)} >= own${r}` : ""}`;
  const body = `${scores(v, "s", "k", "queries")}
${scores(v, "g", "v", "d_rows")}
${share(v, ["s", "g"])}
${lines(range(v.unroll).map((u) => `      let of${u} = statistics[u0 + ${u}u];`))}
${
    perPair(v, (r, u) =>
      `      let p${r}_${u} = select(0.0, ${probability(`s${r}_${u}`, `of${u}.x`)}, ${
        seen(r, u)
      }); let ds${r}_${u} = p${r}_${u} * (g${r}_${u} - of${u}.y);`)
  }
${gatherPairs(v, "p")}
${gatherPairs(v, "ds")}
${accumulate(v, "dv", "p", "d_rows")}
${accumulate(v, "dk", "ds", "queries")}`;
  return `${prelude(v, bindings)}${slice("qkv", v)}${slice("d", v)}${store("dqkv", v)}
${declareTile(v, "queries")}
${declareTile(v, "d_rows")}
var<workgroup> statistics: array<vec2<f32>, ${v.tile}>; // log-sum-exp and delta
${exchange(v, 2)}
${signature(v)}${place(v, false, "keys")}
${
    perVector(v, (r, i) =>
      `  let k${r}_${i} = scale * qkv_slice(row${r}, k_column, ${held(v, i)}); var dk${r}_${i} = vec4<f32>();
  let v${r}_${i} = qkv_slice(row${r}, v_column, ${held(v, i)}); var dv${r}_${i} = vec4<f32>();`)
  }
${
    loop(
      v,
      v.causal ? `block0 / ${v.tile}u * ${v.tile}u` : "0u",
      "p.sequence",
      [["queries", "qkv", "q_column"], ["d_rows", "d", "q_column"]],
      body,
      {
        owns: "keys",
        beside: {
          name: "statistics",
          of: (row) => `vec2(log_sum_exp[${row} * p.heads + head], delta[${row} * p.heads + head])`,
        },
        ...isGrouped(v) && { firstHead: `key_head * ${v.group}u` },
      },
    )
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
${v.headSize % 4 === 0 ? "" : `    if (${lastHead(v)} && part == 0) { dqkv_pad(row${r}, ${rowWidth(v)}); }`}
  }`)
  }
}
`;
}

/** Whether the workgroup has the last head of keys, and the columns that are no padding. */
const lastHead = (v: AttentionRows) => isGrouped(v) ? "key_head == key_heads - 1" : "head == p.heads - 1";
const rowWidth = (v: AttentionRows) =>
  isGrouped(v) ? `(p.heads + 2 * key_heads) * ${v.headSize}u` : "3 * width";
