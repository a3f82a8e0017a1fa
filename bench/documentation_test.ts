import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { mean } from "simple-statistics";
import { gpuTest } from "../kernels/testing/testing.ts";
import { modelConfig, modelNames } from "../src/models/model_config.ts";
import { parseModel } from "../src/models/model_document.ts";
import { parsePolicy } from "../src/storage/policy_document.ts";
import { policyDocument, policyNames } from "../src/storage/policies.ts";
import { planTraining } from "../src/train/plan_testing.ts";
import { sweepDocument } from "./commands/bench.ts";
import { fakeRecord } from "./results/testing.ts";
import { runCell } from "./sweep/cell.ts";
import { profiles } from "./sweep/profiles.ts";

const read = (name: string) => Deno.readTextFileSync(`${import.meta.dirname}/../${name}`);
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, group]) => group);

Deno.test("Every model and policy in the documentation is one", () => {
  const holds = {
    "README.md": [false, true],
    "docs/models.md": [true, false],
    "docs/policies.md": [true, true],
  };
  for (const [name, kinds] of Object.entries(holds)) {
    const documents = found(read(name), /```json\n([^]*?)```/g).map((document) => JSON.parse(document));
    const models = documents.filter((document) => "preset" in document || "modelType" in document);
    const policies = documents.filter((document) => !models.includes(document));
    for (const model of models) parseModel(model, name);
    for (const policy of policies) parsePolicy(policy, name);
    assertEquals([models.length > 0, policies.length > 0], kinds, name);
  }
});

Deno.test("The sweep's document in the documentation is one", () => {
  const [document] = found(read("docs/running.md"), /```json\n([^]*?)```/g);
  const { models, policies } = sweepDocument.parse(JSON.parse(document), "docs/running.md");
  assertEquals([models?.length, policies?.map(({ name }) => name)], [2, ["exact", "mine"]]);
});

Deno.test("The README names every model, preset and ablation, and only profiles that there are", () => {
  const readme = read("README.md");
  const missing = (names: readonly string[]) => names.filter((name) => !readme.includes(`\`${name}\``));
  assertEquals(missing(policyNames), [], "The README's table of policies leaves these out; give each a row");
  assertEquals(missing(modelNames), [], "The README's table of models leaves these out; name each");
  const named = found(readme, /deno task bench ([a-z]\S*?)[`) ]/g).filter((name) => name !== "kernels");
  for (const name of named) assert(name in profiles, `There is no profile ${name}`);
  const checks = Object.keys(profiles).filter((name) =>
    /^(grid|parity|paper|long|mst|frontier|ablation-.*)$/.test(name)
  );
  for (const name of checks) assert(named.includes(name), `The README leaves out ${name}`);
});

Deno.test("The documentation's example of a missing permission is what Deno's refusal looks like", async () => {
  const [, args, line] = read("docs/permissions.md").match(/ {4}\$ deno (run .*)\n {4}(.*)\n/)!;
  const cwd = `${import.meta.dirname}/..`;
  const { stderr } = await new Deno.Command(Deno.execPath(), { args: args.split(" "), cwd }).output();
  assertEquals(new TextDecoder().decode(stderr).trim(), line);
});

/** The first policy of the README, which readers begin with. */
const first = () =>
  parsePolicy(
    found(read("README.md"), /```json\n([^]*?)```/g).map((text) => JSON.parse(text))
      .find((document) => !("preset" in document)),
    "README.md",
  );

Deno.test("The README's first policy takes two thirds of mesa8's bytes, and less in all", () => {
  const [mine, mesa8] = [first(), policyDocument("mesa8")].map((policy) =>
    planTraining({ model: modelConfig("micro"), sequence: 256, batch: 8, policy, seed: 0 })
  );
  assertAlmostEquals(mine.savedBytes / mesa8.savedBytes, 2 / 3, 0.02);
  assert(mine.bufferBytes < mesa8.bufferBytes);
});

gpuTest("The README's first policy has less than half of mesa8's gradient error", async () => {
  const errors = [];
  for (const storage of [policyDocument("mesa8"), first()]) {
    const configuration = {
      ...fakeRecord().configuration,
      ...{ model: "nano", sequence: 64, batch: 4, policy: storage.name, storage },
      ...{ warmupSteps: 0, timedSteps: 1, qualitySteps: 4, gradientEvery: 2 },
    };
    const paths = { data: `${import.meta.dirname}/../README.md` };
    const { measurement } = await runCell({ configuration, paths, requireGpu: false });
    assertEquals([measurement.status, measurement.message], ["ok", null]);
    errors.push(mean(measurement.quality!.gradientErrors.map(({ overall }) => overall.relativeError!)));
  }
  const [mesa8, mine] = errors;
  assert(mine < mesa8 / 2, `${mine} against ${mesa8}`);
});
