import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { builderOptionsFor, softwareWith } from "../../src/gpu/builder.ts";
import { typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { type Trial, type TrialEnd, tryStep } from "./attempt.ts";
import { FitSearch, type OpenStep } from "./fit.ts";
import { prove } from "./prove.ts";
import { lookAtAdapter, tryInChild } from "./trials.ts";

const budget = 16 * 2 ** 20;
const step: OpenStep = {
  model: modelConfig("nano"),
  sequence: 32,
  batch: 1,
  largest: "batch",
  policy: policyDocument("mesa8"),
  choices: {},
  keepPositions: false,
};

const trained: TrialEnd = { status: "trained", losses: [5, 4], bufferBytes: 1, ledgerPeakBytes: 2 };
const refused = (by: "plan" | "device"): TrialEnd => ({
  status: "refused",
  by,
  message: "no",
  wantedBytes: 9,
});

/** What is proved on a device that trains batches up to a number, and what was tried on it; by its distance from the plan's answer. */
async function proved(
  real: boolean,
  beyondPlan: number,
  end: (trial: Trial) => TrialEnd | undefined = () => undefined,
) {
  const search = new FitSearch(step, softwareWith(typicalSoftwareLimits));
  const planned = await search.largestIn(budget);
  const { size } = planned.answer!;
  const tried: [size: number, room: number | null][] = [];
  const { fit, proof } = await prove(search, budget, planned, {
    real,
    attempt(trial) {
      tried.push([trial.batch - size, trial.room]);
      const fits = trial.batch <= size + beyondPlan;
      return Promise.resolve(
        end(trial) ?? (fits ? trained : refused(trial.room === null ? "device" : "plan")),
      );
    },
  });
  return { size: (fit.answer?.size ?? 0) - size, next: fit.next.size - size, proof, tried };
}

Deno.test("prove() holds the answer and the next size to a budget that is given", async () => {
  const { size, proof, tried } = await proved(false, 0);
  assertEquals([size, tried], [0, [[0, budget], [1, budget]]]);
  assertEquals([proof.proved, proof.failure, proof.refused?.by], [true, null, "plan"]);
});

Deno.test("prove() finds an answer that is one too many, or one too few", async () => {
  const tooMany = await proved(false, -1);
  assertEquals(tooMany.proof.proved, false);
  assertStringIncludes(tooMany.proof.failure!, "was refused");
  const tooFew = await proved(false, 1);
  assertEquals([tooFew.proof.proved, tooFew.proof.trained !== null], [false, true]);
  assertStringIncludes(tooFew.proof.failure!, "trained, too");
});

Deno.test("prove() lets the device itself refuse beyond the plan's answer alone", async () => {
  const { size, proof, tried } = await proved(true, 0);
  assertEquals([size, tried], [0, [[0, budget], [1, null]]]);
  assertEquals([proof.proved, proof.refused?.by], [true, "device"]);
});

Deno.test("prove() looks for what the device gives where that is not what the plan says", async () => {
  for (const beyondPlan of [-5, -1, 1, 2, 11]) {
    const { size, next, proof } = await proved(true, beyondPlan);
    assertEquals([size, next], [beyondPlan, beyondPlan + 1]);
    assert(proof.proved && proof.trained && proof.refused);
  }
});

Deno.test("prove() proves nothing by a process that failed", async () => {
  const { proof } = await proved(
    true,
    0,
    ({ room }) => room === null ? { status: "failed", message: "gone" } : undefined,
  );
  assertEquals([proof.proved, proof.refused], [false, null]);
  assertStringIncludes(proof.failure!, "gone");
});

const trial = (changes: Partial<Trial> = {}): Trial => ({
  ...{ model: step.model, sequence: 32, batch: 2, policy: step.policy, seed: 0, room: null },
  ...changes,
});

gpuTest(
  "tryStep() trains whole steps of any family, in the bytes that were planned, and refuses a byte less",
  async () => {
    const gpu = await testGpu();
    for (const [name, sequence] of [["nano", 32], ["vit-nano", 65], ["llama-nano", 32]] as const) {
      for (const choices of [{}, { accumulate: 2 }, { update: "backward", clipBy: "last" } as const]) {
        const model = modelConfig(name);
        const { answer } = await new FitSearch({ ...step, model, sequence, choices }, builderOptionsFor(gpu))
          .largestIn(budget);
        const { bufferBytes } = answer!.plan;
        const tried = trial({ model, sequence, batch: answer!.size, room: bufferBytes, ...choices });
        const end = await tryStep(gpu, tried);
        assert(end.status === "trained", JSON.stringify(end));
        assertEquals([end.bufferBytes, end.losses.length], [bufferBytes, 2]);
        const less = await tryStep(gpu, { ...tried, room: bufferBytes - 1 });
        assert(less.status === "refused" && less.by === "plan" && less.wantedBytes === bufferBytes);
      }
    }
  },
);

const host = { requireGpu: false, timeoutSeconds: 120, signal: new AbortController().signal };

gpuTest("tryInChild() and lookAtAdapter() tell what the same do here", async () => {
  const gpu = await testGpu();
  const look = await lookAtAdapter(host);
  assertEquals([look.adapter, look.adapterClass], [gpu.adapter.name, gpu.adapter.class]);
  assertEquals(look.builder, JSON.parse(JSON.stringify(builderOptionsFor(gpu))));
  const end = await tryInChild(host, trial());
  const here = await tryStep(gpu, trial());
  assert(end.status === "trained" && here.status === "trained");
  assertEquals([end.losses, end.bufferBytes], [here.losses, here.bufferBytes]);
  const none = await tryInChild(host, trial({ room: 1 }));
  assert(none.status === "refused" && none.by === "plan");
  const late = await tryInChild({ ...host, timeoutSeconds: 0.001 }, trial());
  assert(late.status === "failed" && late.message.includes("allow more with --timeout"));
});

Deno.test("prove() tries an answer of one, too, and tells how many processes tried", async () => {
  const search = new FitSearch(step, softwareWith(typicalSoftwareLimits));
  const budget = search.planOf(1)!.bufferBytes;
  const fit = await search.largestIn(budget);
  assertEquals(fit.answer?.size, 1);
  const tried: number[] = [];
  const { proof } = await prove(search, budget, fit, {
    real: false,
    attempt({ batch }) {
      tried.push(batch);
      return Promise.resolve(batch === 1 ? trained : refused("plan"));
    },
  });
  assertEquals([tried, proof.attempts, proof.proved, proof.trained !== null], [[1, 2], 2, true, true]);
});
