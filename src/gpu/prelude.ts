import type { Runtime } from "../adapter/runtime.ts";

/**
 * What has to stand before a kernel's text, by what the text uses: the one place where the runtimes' WGSL differs. It is one line without
 * an end, so that a compiler's line numbers are the text's own. naga knows subgroups without being told and refuses the word; Dawn takes a
 * row that depends on the thread for control flow that is not uniform, though subgroups stay together in it.
 */
export function prelude(runtime: Runtime, code: string): string {
  const text = code.replace(/\/\/.*|\/\*[^]*?\*\//g, "");
  const f16 = /\b(f16|vec[234]h|mat[234]x[234]h)\b/.test(text) ? ["enable f16;"] : [];
  if (runtime === "native") return f16.join(" ");
  const matrices = /\bsubgroup_matrix_/.test(text);
  const subgroups = /\b(subgroup|quad)[A-Z]\w*\s*\(|\bsubgroup_(size|invocation_id|id)\b|\bnum_subgroups\b/
    .test(text);
  return [
    ...f16,
    ...subgroups || matrices ? ["enable subgroups;"] : [],
    ...matrices ? ["enable chromium_experimental_subgroup_matrix;"] : [],
    ...subgroups || matrices ? ["diagnostic(off, subgroup_uniformity);"] : [],
    ...matrices ? ["diagnostic(off, chromium.subgroup_matrix_uniformity);"] : [],
  ].join(" ");
}
