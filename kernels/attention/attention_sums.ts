/** How threads that share rows add up their parts of scores, and come by the weights that others make. */

import { type AttentionRows } from "./attention_template.ts";
import { lines, range } from "../shared/text.ts";

/**
 * Sums, over the threads that share rows, the scalars `name{r}_{u}` of all pairs; afterwards each thread has the sums of the rows whose softmax
 * it makes. Shuffles rely on neighbours in a workgroup of one dimension being neighbours in a subgroup, as every current driver has it; the
 * tests would show one that has not.
 */
export function share(v: AttentionRows, matrices: string[]): string {
  if (v.split === 1) return "";
  const distances = range(Math.log2(v.split)).map((bit) => 1 << bit);
  if (v.sums === "dealt") {
    const add = (name: string, to: number, from: number, u: number, d: number) =>
      `      ${name}${to}_${u} += subgroupShuffleXor(${name}${from}_${u}, ${d}u);`;
    const among = distances.filter((d) => d < v.rows).toReversed();
    return lines(
      range(v.unroll).flatMap((u) =>
        matrices.flatMap((name) => [
          ...among.flatMap((d) => range(d).map((r) => add(name, r, r + d, u, d))),
          ...distances.filter((d) => d >= v.rows).map((d) => add(name, 0, 0, u, d)),
        ])
      ),
    );
  }
  const names = range(v.unroll).flatMap((u) =>
    range(v.rows).flatMap((r) => matrices.map((name) => `${name}${r}_${u}`))
  );
  if (v.sums === "shuffled") {
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

/** Declares `name{r}suffix` of the rows whose softmax other threads make, from theirs. */
export function gather(v: AttentionRows, name: string, suffix = ""): string {
  if (v.sums !== "dealt") return "";
  return lines(
    range(v.rows).slice(1).map((r) =>
      `      let ${name}${r}${suffix} = subgroupShuffleXor(${name}0${suffix}, ${r}u);`
    ),
  );
}

/** Likewise of each row of the other side that is handled now. */
export const gatherPairs = (v: AttentionRows, name: string): string =>
  lines(range(v.unroll).map((u) => gather(v, name, `_${u}`)));

/** Declares the workgroup memory through which threads that share rows add `matrices` sums for each pair. */
export function exchange(v: AttentionRows, matrices: number): string {
  if (v.split === 1 || v.sums !== "exchanged") return "";
  return `var<workgroup> exchange: array<f32, ${v.threads * v.rows * v.unroll * matrices}>;`;
}
