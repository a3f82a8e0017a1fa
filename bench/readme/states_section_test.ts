import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { noBytes } from "../../src/memory/category.ts";
import { modelConfig, parameterCount } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import type { StepChoices } from "../../src/train/step_choices.ts";
import type { CellRecord } from "../results/results.ts";
import { fakeHeader, fakeMeasurement, fakeQuality, fakeRecord } from "../results/testing.ts";
import { sweepOf } from "./reports.ts";
import { answersPage } from "./results_page.ts";
import { statesSection } from "./states_section.ts";

const { name: _, ...architecture } = modelConfig("nano");
const count = parameterCount(modelConfig("nano"));
const choices: Record<string, StepChoices> = {
  "exact-8bit-moments": { moments: "8bit" },
  "exact-8bit-all": { parameters: "bf16", moments: "8bit", update: "backward", clipBy: "last" },
};
const storage = (name: string) => ({ ...policyDocument(name in choices ? "exact" : name), name });

/** Three rounds of a policy whose weights, moments and gradients take so many bytes a parameter. */
const keeping = (policy: string, [parameters, optimizer, gradients]: number[], step: number) =>
  [0, 1, 2].map((round): CellRecord => {
    const { memory, timing } = fakeMeasurement();
    const liveAtPeak = {
      ...noBytes(),
      parameters: parameters * count,
      optimizer: optimizer * count,
      gradients: gradients * count,
    };
    const own = policy in choices ? { ...choices[policy], beside: {} } : {};
    const record = fakeRecord({ policy, storage: storage(policy), round, ...own }, {
      memory: { ...memory!, liveAtPeak },
      timing: { ...timing!, stepMilliseconds: [step] },
    });
    return { ...record, architecture };
  });
/** A training run of a policy from each of three seeds. */
const trained = (policy: string, losses: number[]) =>
  losses.map((loss, seed) =>
    fakeRecord({
      ...{ policy, storage: storage(policy), seed, round: seed },
      ...policy in choices && { ...choices[policy], beside: {} },
    }, { quality: fakeQuality(loss) })
  );
const sweep = (folder: string, ...records: CellRecord[]) =>
  sweepOf(`reports/${folder}/report.md`, [{
    results: [fakeHeader(records, { command: `deno task bench ${folder}` }), ...records]
      .map((line) => JSON.stringify(line)).join("\n"),
    report: "",
  }]);
const states = sweep(
  "states",
  ...keeping("exact", [4, 8, 4], 10),
  ...keeping("exact-8bit-moments", [4, 2, 4], 10),
  ...keeping("exact-8bit-all", [2, 2, 0], 12.5),
);
const qualityStates = sweep(
  "parity-states",
  ...trained("exact", [2, 2.1, 2.2]),
  ...trained("exact-8bit-moments", [2.0001, 2.1, 2.2001]),
  ...trained("exact-8bit-all", [2, 2.2, 2.4]),
  ...trained("mesa2", [3, 3.1, 3.2001]),
);

const saved =
  "Weights, moments and the gradients of the live peak take 16.00 B a parameter under `exact` (nano, 4 × 128 tokens), " +
  "and least under `exact-8bit-all`: 0.25× of that at 0.80× of its speed.";
const others = "`exact-8bit-moments` takes 0.63× of these bytes at 1.00× of its speed.";
const suffers =
  "Final losses of nano beside `exact`'s, by the test of equivalence: `exact-8bit-moments` is equivalent; `exact-8bit-all` is undecided; " +
  "`mesa2` is worse.";
const costs =
  "At most, by the intervals of the test of equivalence, `exact-8bit-moments` costs 0.0003 nats (0.02% of the loss) " +
  "and `exact-8bit-all` costs 0.3485 nats (16.60% of the loss).";

Deno.test("statesSection() tells bytes a parameter with speeds, then the verdicts on training, each with its table", () => {
  const reports = { sweeps: { states, qualityStates }, peers: {} };
  const [title, answer, detail, table, source, , losses, controls, other, picture] = statesSection(reports)!
    .split("\n\n");
  assertEquals([title, answer, detail], [
    ...["### State in fewer bytes", `${saved} ${suffers}`],
    `${others} ${costs}`,
  ]);
  for (const part of ["with gradients, a parameter", "4.00 B (0.25×)", "speed", "0.800× (0.800–0.800)"]) {
    assertStringIncludes(table, part);
  }
  assertStringIncludes(source, "(reports/states/report.md): `deno task bench states`");
  assertStringIncludes(losses, "`exact-8bit-all`");
  assertStringIncludes(controls, "passed: 2 bits must be worse");
  assertStringIncludes(other, "(reports/parity-states/report.md)");
  assertStringIncludes(picture, "(reports/parity-states/loss_difference.svg)");
  assertStringIncludes(answersPage(reports), `- **State in fewer bytes.** ${saved} ${suffers} [Table]`);
});

Deno.test("statesSection() leaves out the part that was not measured", () => {
  const only = (sweeps: { states?: typeof states; qualityStates?: typeof states }) =>
    statesSection({ sweeps, peers: {} })?.split("\n\n").slice(1, 3);
  assertEquals(only({ states }), [saved, others]);
  assertEquals(only({ qualityStates }), [suffers, costs]);
  assertEquals(only({}), undefined);
  const twice = keeping("exact-8bit-all", [2, 2, 0], 12.5).slice(1);
  const few = sweep("states", ...keeping("exact", [4, 8, 4], 10), ...twice);
  const [answer, next] = only({ states: few })!;
  assertStringIncludes(answer, "tokens), and least under `exact-8bit-all`: 0.25× of that.");
  assert(next.startsWith("|"), "no others");
});
