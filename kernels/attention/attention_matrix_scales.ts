/**
 * By what attention on subgroup matrices multiplies numbers on their way into halves: powers of two that bring the largest one of the last
 * step near 2¹⁰. So it is with what the kernels read, and with P and dS, which backward makes of scores: P is at most one only if q and k are
 * exactly those that the log-sum-exp was made of, and dS is as small as P and as large as dO and v.
 */

import { scaleText, scalingText } from "../products/scales.ts";
import type { AttentionKernel, HalvedInputs } from "./attention_shape.ts";
import { lines } from "../shared/text.ts";

/** What becomes halves, in the order in which what was seen of it is kept. */
const all = ["q", "k", "v", "d", "p", "ds"] as const;

/** One of them; `d` is dO. */
export type ScaledOperand = typeof all[number];

/** Whether a kernel looks at operands for the next step; undefined where nothing tells what the last one saw. */
export type Observing = { readonly observes: boolean } | undefined;

/** Bits of the largest absolute value of each, as WGSL, where nothing tells: what is read is then taken to be of order one. */
const untold: Record<ScaledOperand, string> = {
  q: "bitcast<u32>(16.0)",
  k: "bitcast<u32>(16.0)",
  v: "bitcast<u32>(16.0)",
  d: "bitcast<u32>(4.0)",
  p: "0u",
  ds: "0u",
};

/** An operand's place in what was seen. */
export const indexOf = (operand: ScaledOperand) => all.indexOf(operand);

/** What each kernel looks at for the next step's scales: of what is read its own rows, and what it makes of scores. */
const looks: Record<AttentionKernel, readonly ScaledOperand[]> = {
  forward: ["q", "k", "v"],
  backward_query: ["q", "d"],
  backward_key: ["k", "v", "p", "ds"],
};

/** Whether an operand comes as scaled halves. */
export const isHalved = (operand: ScaledOperand, { qkv = false, d = false }: HalvedInputs = {}): boolean =>
  operand === "d" ? d : ["q", "k", "v"].includes(operand) && qkv;

/** What a kernel itself looks at: halves were looked at where they were written. */
export const looksAt = (kernel: AttentionKernel, halved?: HalvedInputs): ScaledOperand[] =>
  looks[kernel].filter((operand) => !isHalved(operand, halved));

/** What the scales are made of, outside the entry point. */
export const declareScales = (scaling: Observing): string =>
  scaling
    ? `${scalingText(scaling.observes)}var<workgroup> last: array<u32, ${all.length}>;
`
    : scaleText;

/**
 * Finds `x_scale` and `x_inverse` of each operand x, and begins `x_seen` of those that the kernel looks at. What no step has seen yet: P is taken to
 * be at most one. dS = P ∘ (dP − δ), where δ is the mean of dP, is at most the largest possible dP, a sum over the head; scaled by a 32nd of
 * that bound, all of it is within halves. What was seen of dS 2²⁴ below the bound is rounding, no size to go by.
 */
export function findScales(
  kernel: AttentionKernel,
  { headSize, halved }: { headSize: number; halved?: HalvedInputs },
  operands: readonly ScaledOperand[],
  scaling: Observing,
): string {
  const scaleOf = (operand: ScaledOperand) => {
    const seen = scaling ? `last[${indexOf(operand)}]` : untold[operand];
    if (operand === "p") return `select(${seen}, bitcast<u32>(1.0), ${seen} == 0)`;
    if (operand !== "ds") return seen;
    const bound = `${headSize}.0 * (1024.0 * d_inverse) * (1024.0 * v_inverse)`;
    const [least, first] = [2 ** -24, 1 / 32].map((share) => `bitcast<u32>(${share} * ${bound})`);
    return `select(max(${seen}, ${least}), ${first}, ${seen} == 0)`;
  };
  const load = scaling?.observes
    ? "atomicLoad(&seen[last_seen(local)].largest)"
    : "seen[last_seen(local)].largest";
  return lines([
    ...scaling ? [`  if (local < ${all.length}) { last[local] = ${load}; }`, "  workgroupBarrier();"] : [],
    ...operands.map((x) =>
      `  let ${x}_found = scale_from(${scaleOf(x)});
  let ${x}_scale = ${x}_found.x;
  let ${x}_inverse = ${x}_found.y;`
    ),
    ...scaling?.observes
      ? [
        ...looks[kernel].map(clearNext),
        ...looksAt(kernel, halved).map((x) => `  var ${x}_seen = vec2<u32>();`),
      ]
      : [],
  ]);
}

/** Makes room for what the next step will see, halves included. */
const clearNext = (x: ScaledOperand) =>
  `  if (flat == 0 && local == 0) {
    atomicStore(&seen[next_seen(${indexOf(x)})].largest, 0u);
  }`;

/** Looks at vectors of an operand that is read, as they are. */
export const look = (x: ScaledOperand, vectors: readonly string[], scaling: Observing): string =>
  scaling?.observes
    ? vectors.map((vector) =>
      `${x}_seen = looked(${x}_seen, ${vector}, bitcast<u32>(halves_reach * ${x}_inverse));`
    ).join(" ")
    : "";

/** Looks at vectors that are made for each score, scaled already: they are counted only where one of them is too large. */
export function lookScaled(x: ScaledOperand, vectors: readonly string[], scaling: Observing): string {
  if (!scaling?.observes) return "";
  const top4 = vectors.map((vector) => `abs(${vector})`).reduce((a, b) => `max(${a}, ${b})`);
  return `      {
        let top4 = ${top4};
        let top = max(max(top4.x, top4.y), max(top4.z, top4.w));
        ${x}_seen.x = max(${x}_seen.x, bitcast<u32>(top));
        if (top > halves_reach) {
${
    lines(vectors.map((vector) =>
      `          ${x}_seen = looked(${x}_seen, ${vector}, bitcast<u32>(halves_reach));`
    ))
  }
        }
      }`;
}

/** Tells what was seen of operands, those that come as halves apart: of what was scaled already, without the scale. */
export const tell = (
  operands: readonly ScaledOperand[],
  { halved }: { halved?: HalvedInputs },
  scaling: Observing,
): string =>
  scaling?.observes
    ? lines(
      operands.filter((x) => !isHalved(x, halved)).map((x) => {
        const largest = x === "p" || x === "ds"
          ? `bitcast<u32>(bitcast<f32>(${x}_seen.x) * ${x}_inverse)`
          : `${x}_seen.x`;
        return `  tell(${indexOf(x)}, lane, ${largest}, ${x}_seen.y);`;
      }),
    )
    : "";
