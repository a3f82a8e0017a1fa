import { assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { testGpu } from "../../kernels/testing/testing.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { withFolder } from "../testing/folder.ts";
import { resumeBench } from "./resume_bench.ts";

const { adapter } = await testGpu();

Deno.test({
  name: "resumeBench() says where a GPU's sweep was begun, where none answers",
  ignore: adapter.class === "gpu",
  fn: () =>
    withFolder(async (folder) => {
      const header = fakeHeader([fakeRecord()], { requireGpu: true });
      await Deno.writeTextFile(`${folder}/results.jsonl`, JSON.stringify(header) + "\n");
      await assertRejects(
        () => resumeBench(folder, { json: false }),
        UserError,
        `was begun on ${header.environment.adapter}, and no GPU answers here: resume it there`,
      );
    }),
});
