import { assert, assertStringIncludes } from "@std/assert";
import { modelNames } from "../src/models/model_config.ts";
import { parsePolicy } from "../src/storage/policy_document.ts";
import { policyNames } from "../src/storage/policies.ts";
import { profiles } from "./sweep/profiles.ts";

const read = (name: string) => Deno.readTextFileSync(`${import.meta.dirname}/../${name}`);
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, group]) => group);

Deno.test("Every policy document in the documentation is one", () => {
  for (const name of ["README.md", "docs/policies.md"]) {
    const documents = found(read(name), /```json\n([^]*?)```/g);
    assert(documents.length > 0, name);
    for (const document of documents) parsePolicy(JSON.parse(document), name);
  }
});

Deno.test("The README names every model, preset and ablation, and only profiles that there are", () => {
  const readme = read("README.md");
  for (const name of [...policyNames, ...modelNames]) assertStringIncludes(readme, `\`${name}\``);
  const named = found(readme, /deno task bench ([a-z]\S*?)[`) ]/g).filter((name) => name !== "kernels");
  for (const name of named) assert(name in profiles, `There is no profile ${name}`);
  const checks = Object.keys(profiles).filter((name) => /^(parity|paper|ablation-.*)$/.test(name));
  for (const name of checks) assert(named.includes(name), `The README leaves out ${name}`);
});
