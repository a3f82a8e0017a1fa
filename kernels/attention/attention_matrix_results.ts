/** How sums leave attention on subgroup matrices: by way of workgroup memory, where lanes reach their elements. */

import { longestSum } from "../products/matmul_matrix_template.ts";
import { floatsEach, partsOf } from "../products/matmul_variant.ts";
import { counts, storeResults, stripAt } from "./attention_matrix_template.ts";
import type { AttentionMatrixVariant, MatrixLayout } from "./attention_matrix_variant.ts";
import { store } from "./attention_template.ts";
import { lines, range } from "../shared/text.ts";

/**
 * Passes results (own rows × head) through the subgroup's strips, as many columns at once as fit. `each(strip)` is WGSL in which all lanes
 * have a vector `value` of the strip's row `r`, at `at`, the `i`-th of the head's; `after` takes results from where they then are.
 */
export function passResults(
  v: AttentionMatrixVariant,
  layout: MatrixLayout,
  name: string,
  each: (i: number) => string,
  after?: (i: number, j: number, at: string) => string,
): string {
  const { headColumns, strips, across } = counts(v);
  const { m, n } = v.shape;
  const chunks = range(Math.ceil(headColumns / across));
  return lines(chunks.map((chunk) => {
    const first = chunk * across;
    const count = Math.min(across, headColumns - first);
    const width = count * n / floatsEach;
    return `    workgroupBarrier();
${storeResults(v, layout, name, 0, first, count)}
    workgroupBarrier();
${
      lines(
        range(strips).map((i) =>
          `    for (var g = 0u; g < ${m * width}u; g += ${v.lanes}u) {
      let r = min((g + lane) / ${width}u, ${m - 1}u);
      let column = (g + lane) % ${width}u;
      let own = own0 + ${i * m}u + r;
      let i = ${first * n / floatsEach}u + column; // of the head's vectors
      let at = ${stripAt(v, layout, 0, i)} + r * ${layout.scores.pitch}u + column;
      let value = bitcast<vec4<f32>>(staged[at]);
      let inside = g + lane < ${m * width}u;
${each(i)}
    }`
        ),
      )
    }
${
      after
        ? lines([
          "    workgroupBarrier();",
          ...range(strips).flatMap((i) =>
            range(count).map((j) =>
              after(i, first + j, `${stripAt(v, layout, 0, i)} + ${j * n / floatsEach}u`)
            )
          ),
        ])
        : ""
    }`;
  }));
}

/** Whether sums over the other side are stored every {@linkcode longestSum} of its rows. */
const summedInParts = (v: AttentionMatrixVariant) => partsOf(v) === 2;

/** Reads vectors of an output back. */
function back(name: string, { headSize }: AttentionMatrixVariant): string {
  const whole = `  return ${name}[(row - p.written) * p.${name}_stride + first / 4 + i];`;
  const gathered = `  var value = vec4<f32>();
  for (var j = 0u; j < 4; j++) {
    let e = 4 * i + j;
    if (e < ${headSize}u) { value[j] = ${name}[(row - p.written) * p.${name}_stride * 4 + first + e]; }
  }
  return value;`;
  return `
fn ${name}_back(row: u32, first: u32, i: u32) -> vec4<f32> {
${headSize % 4 === 0 ? whole : gathered}
}
`;
}

/** Stores vectors of an output, and reads them back where sums are made in parts. */
export function output(name: string, v: AttentionMatrixVariant): string {
  return store(name, { headSize: v.headSize, split: 1 }) + (summedInParts(v) ? back(name, v) : "");
}

/** WGSL, for {@linkcode passResults}, that stores `sum` times `factor` in an output, with what it holds already times `carried` added to the sum. */
export function storeSum(
  v: AttentionMatrixVariant,
  name: string,
  column: string,
  sum: string,
  { factor = "1.0", carried = "1.0" } = {},
): string {
  const more = summedInParts(v)
    ? `if (again) { sum += ${carried} * ${name}_back(start + own, ${column}, i); }`
    : "";
  return `      if (inside && own < p.sequence && i < ${Math.ceil(v.headSize / 4)}u) {
        var sum = ${sum};
        ${more}
        ${name}_store(start + own, ${column}, i, sum * ${factor});
      }`;
}

/**
 * What becomes of the results `names` of a loop over `first` to `end`: `text` stores them, in f16 after the loop, in f16x3 within it every so
 * many rows. `ends` tells `text` whether it does so for the last time, `again` whether it has before.
 */
export function leaving(v: AttentionMatrixVariant, end: string, names: string[], text: string) {
  if (!summedInParts(v)) return { before: "", inside: "", after: `  let ends = true;\n${text}` };
  const { m, n } = v.shape;
  const { strips, headColumns } = counts(v);
  const zeros = names.flatMap((name) =>
    range(strips).flatMap((i) =>
      range(headColumns).map((j) => `      ${name}${i}_${j} = subgroup_matrix_result<f32, ${n}, ${m}>();`)
    )
  );
  return {
    before: "  var again = false;\n  var steps = 0u;",
    inside: `    steps += ${v.tile}u;
    let ends = first + ${v.tile}u >= ${end};
    if (ends || steps == ${longestSum}u) {
${text}
${lines(zeros)}
      again = true;
      steps = 0u;
    }`,
    after: "",
  };
}
