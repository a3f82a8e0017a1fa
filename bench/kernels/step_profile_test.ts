import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { NoAdapterError } from "../../src/adapter/adapter.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { fakeConfiguration } from "../results/testing.ts";
import { loadData } from "../training/data.ts";
import { profileStep, renderProfile } from "./step_profile.ts";

const { adapter, timestamps } = await testGpu();

/** Profiles a step of nano. */
async function profile(requireGpu: boolean) {
  const path = await Deno.makeTempFile({ suffix: ".txt" });
  try {
    await Deno.writeTextFile(path, "abcdefghij".repeat(40));
    const data = await loadData(modelConfig("nano"), { data: path });
    return await profileStep(fakeConfiguration({ sequence: 16, batch: 2 }), data, { requireGpu });
  } finally {
    await Deno.remove(path);
  }
}

gpuTest(
  "profileStep() tells every dispatch of a step, with the bytes that it binds once for each direction",
  async () => {
    const { dispatches } = await profile(false);
    assertEquals(new Set(dispatches.map(({ pass }) => pass)), new Set(["forward", "backward", "update"]));
    const updates = dispatches.filter(({ kernel }) => kernel === "adamw");
    const bytes = updates.reduce((sum, dispatch) => sum + dispatch.bytes, 0);
    // AdamW reads gradients, and reads and writes parameters and both moments; the step and the clip factor come with each dispatch.
    const { layers: L, width: C } = modelConfig("nano");
    const parameters = (256 + 1024) * C + L * (12 * C * C + 13 * C) + 2 * C;
    const besides = bytes - 4 * (1 + 3 * 2) * parameters;
    assert(besides > 0 && besides <= 64 * updates.length, `${besides} bytes besides the parameters'`);
  },
  !timestamps && "this adapter has no timestamps",
);

gpuTest(
  "profileStep() takes no software adapter where a GPU is required",
  async () => {
    await assertRejects(() => profile(true), NoAdapterError);
  },
  adapter.class === "gpu" && "a GPU answers",
);

Deno.test("renderProfile() shows what backward makes again as a pass of its own", () => {
  const dispatch = (operator: string, pass: string, milliseconds: number) => ({
    ...{ kernel: "k", operator, pass, flops: 0, bytes: 0, milliseconds },
  });
  const dispatches = [
    ...[dispatch("mlp", "forward", 1), dispatch("mlp", "recompute", 2), dispatch("mlp", "backward", 4)],
    dispatch("adamw", "update", 3),
  ];
  assertStringIncludes(
    renderProfile({ configuration: fakeConfiguration({ policy: "recompute" }), dispatches }),
    `
| operator | forward ms | recompute ms | backward ms | update ms |   ms |  share | dispatches |
| :------- | ---------: | -----------: | ----------: | --------: | ---: | -----: | ---------: |
| mlp      |       1.00 |         2.00 |        4.00 |           | 7.00 | 70.00% |          3 |
| adamw    |            |              |             |      3.00 | 3.00 | 30.00% |          1 |
`.trim(),
  );
});
