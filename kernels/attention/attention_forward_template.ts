import { exchange, gather, gatherPairs, share } from "./attention_sums.ts";
import {
  accumulate,
  type AttentionRows,
  fetch,
  held,
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

/** Forward: o = softmax(scale q·kᵀ) v and the log-sum-exp of each row. Operand `qkv`. */
export function attentionForwardText(v: AttentionRows): string {
  const bindings = `@group(0) @binding(1) var<storage, read_write> o: array<${outputType(v)}>;
@group(0) @binding(2) var<storage, read_write> log_sum_exp: array<f32>;`;
  const body = `${scores(v, "s", "q", "keys")}
${share(v, ["s"])}
${perSum(v, (r) => `      var top${r} = highest${r};`)}
${
    perPair(v, (r, u) =>
      `      s${r}_${u} = select(lowest, s${r}_${u}, ${
        visible(v, r, u)
      }); top${r} = max(top${r}, s${r}_${u});`)
  }
${
    perSum(v, (r) =>
      `      let shrink${r} = exp(highest${r} - top${r}); highest${r} = top${r}; total${r} *= shrink${r};`)
  }
${gather(v, "shrink")}
${perVector(v, (r, i) => `      o${r}_${i} *= shrink${r};`)}
${perPair(v, (r, u) => `      let p${r}_${u} = exp(s${r}_${u} - top${r}); total${r} += p${r}_${u};`)}
${gatherPairs(v, "p")}
${lines(range(v.unroll).map((u) => fetch(v, "values", u)))}
${accumulate(v, "o", "p", "values")}`;
  return `${prelude(v, bindings)}${slice("qkv", v)}${store("o", v)}
${declareTile(v, "keys")}
${declareTile(v, "values")}
${exchange(v, 1)}
${signature(v)}${place(v, v.causal)}
${
    perVector(v, (r, i) =>
      `  let q${r}_${i} = scale * qkv_slice(row${r}, q_column, ${held(v, i)}); var o${r}_${i} = vec4<f32>();`)
  }
${perSum(v, (r) => `  var highest${r} = lowest; var total${r} = 0.0;`)}
  let end = ${endOfKeys(v)};
${loop(v, "0u", "end", keyTiles, body)}
${gather(v, "total")}
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
${v.headSize % 4 === 0 ? "" : `    if (part == 0 && head == p.heads - 1) { o_pad(row${r}, width); }`}
  }`)
  }
${
    perSum(v, (r) =>
      `  if (own${r} < p.sequence && part ${v.sums === "dealt" ? `< ${v.rows}u` : "== 0"}) {
    log_sum_exp[(row${r} - p.written) * p.heads + head] = log(total${r}) + highest${r};
  }`)
  }
}
`;
}
