import { assertEquals, assertStringIncludes } from "@std/assert";
import { fakeErrors, fakeHeader, fakeQuality, fakeRecord } from "../results/testing.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { git } from "../testing/program_copy.ts";
import { readEntries, reportsIndex } from "./reports_index.ts";

/** A folder of reports whose `results.jsonl` hold these lines. */
async function withReports(reports: Record<string, object[]>, work: (root: string) => Promise<void>) {
  const root = await Deno.makeTempDir();
  try {
    for (const [folder, lines] of Object.entries(reports)) {
      await Deno.mkdir(`${root}/${folder}`, { recursive: true });
      const text = lines.map((line) => JSON.stringify(line) + "\n").join("");
      await Deno.writeTextFile(`${root}/${folder}/results.jsonl`, text);
    }
    await work(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const sweep = (...records: ReturnType<typeof fakeRecord>[]) => [fakeHeader(records), ...records];
const seeds = (policy: string) =>
  [1, 2].map((seed) =>
    fakeRecord({ policy, seed, round: seed - 1 }, {
      quality: fakeQuality(3 + seed / 10, {
        gradientErrors: policy === "exact" ? [] : [fakeErrors(10, 0.1)],
      }),
    })
  );
const exact = policyDocument("exact");
const software = fakeRecord();
software.environment = { ...software.environment, adapterClass: "software", adapter: "a processor" };

Deno.test("reportsIndex() lists every report under each question that it answers, software last", () =>
  withReports({
    "plain": sweep(fakeRecord(), fakeRecord({ policy: "mesa8", model: "micro" })),
    "set/trained": sweep(...seeds("exact"), ...seeds("mesa8")),
    "set/software": sweep(software),
    "set/full": sweep(fakeRecord(), fakeRecord({ policy: "half" }, { status: "oom", timing: null })),
    "set/states": sweep(
      fakeRecord(),
      fakeRecord({ policy: "smaller", storage: exact, moments: "8bit", beside: {} }),
    ),
    "set/long": [fakeHeader([fakeRecord()], { longest: { unit: 64, found: [] } }), fakeRecord()],
    "set/combined": [fakeHeader([fakeRecord()], { frontier: { most: 4, planned: [] } }), fakeRecord()],
    "set/spent": [fakeHeader([fakeRecord()], { reinvest: [] }), fakeRecord()],
    "peers": [{ ...fakeHeader([]), kind: "peers", command: "python3 torch.py" }],
    "kernels": [{ ...fakeHeader([]), kind: "kernels", command: "deno task bench kernels | tee" }],
  }, async (root) => {
    const text = reportsIndex(await readEntries(root));
    const folders = Object.fromEntries(
      text.split("### ").slice(1).map((part) => [
        part.split("\n")[0],
        [...part.matchAll(/\[([^\]]+)\]\(\1\/report\.md\)/g)].map(([, folder]) => folder),
      ]),
    );
    assertEquals(folders, {
      "What does a policy save, and what does it cost in speed?": ["plain", "set/software"],
      "How small can weights, moments and gradients be?": ["set/states"],
      "Is saved memory better re-invested?": ["set/spent"],
      "What is worth it, of all policies with all choices of a step?": ["set/combined"],
      "What fits where something else does not?": ["set/full"],
      "How long may a sequence be?": ["set/long"],
      "How far is the gradient from `exact`'s?": ["set/trained"],
      "Does training suffer?": ["set/trained"],
      "How near do the kernels come to what the card can do?": ["kernels"],
      "How does PyTorch fare on the same card?": ["peers"],
    });
    const entries = await readEntries(root);
    const measuredBy = Object.fromEntries(entries.map(({ folder, measured }) => [folder, measured]));
    assertEquals([measuredBy["set/trained"], measuredBy.kernels, measuredBy.peers], [
      ["losses beside `exact`'s", "gradient error"],
      ["kernels"],
      [],
    ]);
    const { adapter, driver, runtime } = entries.find(({ folder }) => folder === "plain")!;
    const made = fakeRecord().environment;
    assertEquals([adapter, driver, runtime], [made.adapter, made.driver, "native"]);
    assertStringIncludes(text, "| nano, micro | 2026-11-22 | 0123456789ab with uncommitted changes |");
    assertStringIncludes(text, "`deno task bench kernels \\| tee`");
  }));

Deno.test("readEntries() takes of a checkout what git tracks, and a user's own report is not among them", () =>
  withReports({ "set/committed": sweep(fakeRecord()), "own": sweep(fakeRecord()) }, async (root) => {
    assertEquals((await readEntries(root)).map(({ folder }) => folder), ["own", "set/committed"]);
    await git(root, "init", "--quiet");
    await git(root, "add", "set");
    assertEquals((await readEntries(root)).map(({ folder }) => folder), ["set/committed"]);
  }));

Deno.test("readEntries() leaves out baselines, which are no published reports", () =>
  withReports({
    "baselines/imaginary": sweep(fakeRecord()),
    "baselines/imaginary/base": sweep(fakeRecord()),
    "set/baselines": sweep(fakeRecord()),
  }, async (root) => {
    const listed = async () => (await readEntries(root)).map(({ folder }) => folder);
    assertEquals(await listed(), ["set/baselines"]);
    await git(root, "init", "--quiet");
    await git(root, "add", ".");
    assertEquals(await listed(), ["set/baselines"]);
  }));
