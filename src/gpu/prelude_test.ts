import { assertEquals } from "@std/assert";
import { prelude } from "./prelude.ts";

const subgroups = "enable subgroups; diagnostic(off, subgroup_uniformity);";

/** What a text uses, and what must stand before it under Dawn. */
const texts: [text: string, underDawn: string][] = [
  ["x = 1f;", ""],
  ["// subgroupAdd(x) of f16, and /* half */\nx = 1f;", ""],
  ["/* subgroupAdd(x)\n of f16 */ x = 1f;", ""],
  ["subgroup_count = lanes.subgroups;", ""],
  ["x = subgroupAdd(x);", subgroups],
  ["@builtin(subgroup_invocation_id) lane: u32", subgroups],
  ["var x: vec4<f16>;", "enable f16;"],
  ["var x: vec4h;", "enable f16;"],
  [
    "var c: subgroup_matrix_result<f32, 8, 8>;",
    "enable subgroups; enable chromium_experimental_subgroup_matrix; " +
    "diagnostic(off, subgroup_uniformity); diagnostic(off, chromium.subgroup_matrix_uniformity);",
  ],
];

Deno.test("prelude() enables what a text uses and not what its comments name, and says of subgroups nothing to naga", () => {
  for (const [text, underDawn] of texts) {
    assertEquals(prelude("dawn", text), underDawn, text);
    assertEquals(prelude("native", text), underDawn === "enable f16;" ? underDawn : "", text);
  }
});
