import { assertEquals, assertFalse, assertStringIncludes } from "@std/assert";
import { compare } from "./cell_rounds.ts";
import { frontierPoints } from "./frontier.ts";
import { fastest, frontierAnswers, smallError, within } from "./frontier_answers.ts";
import { fakeCombinations, fakeFrontier } from "./frontier_testing.ts";

const all = [
  { name: "exact", policy: "exact", memory: 8, time: 1 },
  { name: "half", policy: "half", memory: 5, time: 1.05, error: 0.0002 },
  { name: "token8", policy: "token8", memory: 4, time: 1.02, error: 0.004 },
  { name: "mesa8", policy: "mesa8", memory: 4.5, time: 1.1, error: 0.01 },
];

Deno.test("within() takes an error that was not compared for no small one", () => {
  const unknown = all.map((one) => one.name === "token8" ? { ...one, error: undefined } : one);
  const points = frontierPoints(compare(fakeCombinations(unknown))[0]);
  const names = (most: number) => within(points, most).map(({ name }) => name);
  assertEquals(names(smallError), ["mesa8", "half", "exact"]);
  assertEquals(names(Infinity), ["token8", "mesa8", "half", "exact"]);
});

Deno.test("answers() of a frontier tell at which steps gradients were compared, and where exact had learnt nothing by then", () => {
  const records = fakeCombinations(all);
  const told = "Gradient errors are those at step 2 of training";
  assertStringIncludes(frontierAnswers(compare(records), fakeFrontier(all))!, `${told}.`);
  const idle = records.map((record) => ({
    ...record,
    quality: record.quality && { ...record.quality, validationLoss: 100 },
  }));
  assertStringIncludes(
    frontierAnswers(compare(idle), fakeFrontier(all))!,
    `${told}, when \`exact\` did no better yet than what is known of the data without a network: later ones may be far larger.`,
  );
});

Deno.test("answers() of a frontier call unbeaten only what ran to its end", () => {
  const records = fakeCombinations(all);
  const told = (failed: string) =>
    frontierAnswers(
      compare(
        records.map((record) =>
          record.configuration.policy === failed ? { ...record, status: "diverged" as const } : record
        ),
      ),
      fakeFrontier(all),
    )!;
  assertStringIncludes(told("nothing"), "Beaten by none, and beating none: `half` and `exact`.");
  assertStringIncludes(told("half"), "Beaten by none, and beating none: `exact`.");
});

Deno.test("answers() of a frontier tell no multiples of an exact that ran in company", () => {
  const bf16 = { name: "exact + bf16 weights", policy: "exact", choices: { parameters: "bf16" } } as const;
  const records = fakeCombinations([...all, { ...bf16, memory: 7, time: 0.9 }]).map((record) => ({
    ...record,
    timing: { ...record.timing!, reference: { work: record.configuration.policy === "exact" ? 3 : 1 } },
  }));
  const [comparison] = compare(records);
  const text = fastest(comparison, frontierPoints(comparison))!;
  assertStringIncludes(text, "The fastest in so much memory:");
  assertStringIncludes(text, "of at most 3e-5: from **7 GiB** `exact + bf16 weights`.");
  assertStringIncludes(text, "from **4 GiB** `token8` (gradient error 0.00400);");
  assertFalse(text.includes("×"), text);
});
