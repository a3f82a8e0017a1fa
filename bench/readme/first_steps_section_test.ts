import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { policyDocument } from "../../src/storage/policies.ts";
import { fakeErrors, fakeQuality, fakeRecord } from "../results/testing.ts";
import { firstStepsSection } from "./first_steps_section.ts";
import { answersPage } from "./results_page.ts";
import { only, rows, sweep } from "./testing.ts";

const trained = (policy: string, loss: number | null, clippedShare: number, errors: (number | null)[] = []) =>
  fakeRecord(
    { policy, storage: { ...policyDocument(policy === "exact" ? policy : "mesa8"), name: policy } },
    {
      quality: fakeQuality(loss, {
        clippedShare,
        gradientErrors: errors.map((error, i) => {
          const all = fakeErrors(10 * (i + 1), error ?? 0);
          return error === null ? { ...all, overall: { relativeError: null, cosine: null } } : all;
        }),
      }),
    },
  );

Deno.test("firstStepsSection() tells each way's gradient error at the first step that was compared, and has all of them in a table", () => {
  const firstSteps = sweep(
    trained("exact", 2.5, 0),
    trained("current", 2.525, 0, [0.0002, 0.001]),
    trained("running 0.9", 2.75, 0.004, [0.4, 0.02]),
    trained("delayed 0.9", null, 0.01, [null, null]),
  );
  const section = firstStepsSection(only({ firstSteps }))!;
  const [title, sentence] = section.split("\n\n");
  assertEquals(title, "### The first steps");
  assert(
    sentence.endsWith(
      "nano, 4 × 128 tokens, step 10: the gradient is 0.400 of its norm from `exact`'s under `running 0.9`, Mesa's way, and " +
        "0.000200 under `current` and no number under `delayed 0.9`. One seed tells no difference of losses from chance.",
    ),
    sentence,
  );
  assertEquals(rows(section).slice(2), [
    ["`exact`", "0.00%", "2.5000", "0", "0"],
    ["`current`", "0.00%", "2.5250 (+1.00%)", "0.000200", "0.00100"],
    ["`running 0.9`", "0.40%", "2.7500 (+10.00%)", "0.400", "0.0200"],
    ["`delayed 0.9`", "1.00%", "not a number", "no number", "no number"],
  ]);
  assertStringIncludes(answersPage(only({ firstSteps })), `- **The first steps.** ${sentence}`);
});

Deno.test("firstStepsSection() says nothing without Mesa's ranges or without gradients", () => {
  assertEquals(firstStepsSection(only({})), null);
  const without = sweep(trained("exact", 2.5, 0), trained("running 0.9", 2.6, 0));
  assertEquals(firstStepsSection(only({ firstSteps: without })), null);
  const other = sweep(
    trained("exact", 2.5, 0),
    trained("current", 2.6, 0, [0.1]),
    trained("token8", 2.6, 0, [0.1]),
  );
  assertEquals(firstStepsSection(only({ firstSteps: other })), null);
});
