import { assertEquals, assertRejects } from "@std/assert";
import { currentRuntime, useRuntime } from "../../src/adapter/runtime.ts";
import { UserError } from "../../src/errors.ts";
import { testGpu } from "../../kernels/testing/testing.ts";
import { fakeHeader, fakeRecord } from "../results/testing.ts";
import { withFolder } from "../testing/folder.ts";
import { keptRecords, resumeBench } from "./resume_bench.ts";

const { adapter } = await testGpu();

/** Leaves a GPU's sweep that has just begun. */
async function begin(folder: string, runtime?: "dawn") {
  const record = fakeRecord();
  const environment = { ...record.environment, runtime };
  const header = fakeHeader([record], { requireGpu: true, environment });
  await Deno.writeTextFile(`${folder}/results.jsonl`, JSON.stringify(header) + "\n");
  return environment;
}

Deno.test({
  name: "resumeBench() says where a GPU's sweep was begun, where none answers",
  ignore: adapter.class === "gpu",
  fn: () =>
    withFolder(async (folder) => {
      const begun = await begin(folder);
      await assertRejects(
        () => resumeBench(folder, { json: false }),
        UserError,
        `was begun on ${begun.adapter}, and no GPU answers here: resume it there`,
      );
    }),
});

Deno.test("resumeBench() says that Dawn cannot be loaded where that is so, and not that no GPU answers", () =>
  withFolder(async (folder) => {
    await begin(folder, "dawn");
    await Deno.writeTextFile(`${folder}/headroom`, "Dawn's folder cannot lie in a file");
    const [runtime, cache] = [currentRuntime(), Deno.env.get("XDG_CACHE_HOME")];
    Deno.env.set("XDG_CACHE_HOME", folder);
    try {
      await assertRejects(
        () => resumeBench(folder, { json: false }),
        UserError,
        "is no folder, so Dawn is not loaded from there",
      );
    } finally {
      useRuntime(runtime);
      if (cache === undefined) Deno.env.delete("XDG_CACHE_HOME");
      else Deno.env.set("XDG_CACHE_HOME", cache);
    }
  }));

Deno.test("resumeBench() names another remedy than itself where the header cannot be read", () =>
  withFolder(async (folder) => {
    const record = fakeRecord();
    const line = JSON.stringify(fakeHeader([record])).slice(0, 99);
    await Deno.writeTextFile(`${folder}/results.jsonl`, `${line}\n${JSON.stringify(record)}\n`);
    await assertRejects(
      () => resumeBench(folder, { json: false }),
      UserError,
      "so nothing can be resumed: take the first line from a copy of the folder, or run its command again",
    );
  }));

Deno.test("keptRecords() leaves what ran or found no memory, once where two resumptions recorded it", () => {
  const [first, again] = [1, 2].map((seconds) => fakeRecord({}, { message: `${seconds}` }));
  const failed = fakeRecord({ policy: "half" }, { status: "timeout" });
  const without = fakeRecord({ policy: "mesa8" }, { status: "oom" });
  const other = fakeRecord({ round: 1 });
  assertEquals(keptRecords([first, failed, without, again, other]), [first, without, other]);
});
