import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { modelNames } from "../src/models/model_config.ts";
import { parseModel } from "../src/models/model_document.ts";
import { parsePolicy } from "../src/storage/policy_document.ts";
import { policyNames } from "../src/storage/policies.ts";
import { profiles } from "./sweep/profiles.ts";

const read = (name: string) => Deno.readTextFileSync(`${import.meta.dirname}/../${name}`);
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, group]) => group);

Deno.test("Every model and policy in the documentation is one", () => {
  const holds = {
    "README.md": [true, true],
    "docs/models.md": [true, false],
    "docs/policies.md": [false, true],
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

Deno.test("The README names every model, preset and ablation, and only profiles that there are", () => {
  const readme = read("README.md");
  for (const name of [...policyNames, ...modelNames]) assertStringIncludes(readme, `\`${name}\``);
  const named = found(readme, /deno task bench ([a-z]\S*?)[`) ]/g).filter((name) => name !== "kernels");
  for (const name of named) assert(name in profiles, `There is no profile ${name}`);
  const checks = Object.keys(profiles).filter((name) => /^(parity|paper|long|ablation-.*)$/.test(name));
  for (const name of checks) assert(named.includes(name), `The README leaves out ${name}`);
});
