import { assert, assertEquals } from "@std/assert";
import { type BuilderOptions, gpuWith, softwareWith } from "../../src/gpu/builder.ts";
import { typicalDawnLimits, typicalGpuLimits, typicalSoftwareLimits } from "../../src/gpu/limits.ts";
import { modelConfig, mostTokens, usualSequence } from "../../src/models/model_config.ts";
import { parseModel } from "../../src/models/model_document.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { describeStep } from "../../src/train/plan_training.ts";
import { type Dimension, dimensions, FitSearch, inUnits, type OpenStep, stepOf } from "./fit.ts";

const MiB = 2 ** 20;
const software = softwareWith(typicalSoftwareLimits);

const open = (model: string, largest: Dimension, changes: Partial<OpenStep> = {}): OpenStep => ({
  model: modelConfig(model),
  sequence: usualSequence(modelConfig(model)),
  batch: 1,
  largest,
  policy: policyDocument("exact"),
  choices: {},
  keepPositions: false,
  ...changes,
});

/** Bytes of the buffers of a step, planned anew. */
const bufferBytes = (step: OpenStep, size: number, adapter: BuilderOptions = software) =>
  describeStep(stepOf(step, size), adapter).plan.bufferBytes;

for (const model of ["nano", "vit-nano", "llama-nano"]) {
  for (const largest of dimensions.filter((one) => model !== "vit-nano" || one !== "sequence")) {
    Deno.test(`FitSearch finds the largest ${largest} of ${model} in a budget, whose successor exceeds it`, async () => {
      for (const policy of ["exact", "mesa8", "recompute8", "mst8"].map(policyDocument)) {
        const step = open(model, largest, { policy, ...largest === "depth" && { sequence: 65, batch: 4 } });
        for (const budget of [10 * MiB, 24 * MiB]) {
          const { answer, next } = await new FitSearch(step, software).largestIn(budget);
          const size = answer?.size ?? 0;
          assertEquals(next.size, size + 1);
          if (answer) {
            assertEquals(answer.plan.bufferBytes, bufferBytes(step, size));
            assert(answer.plan.bufferBytes <= budget, `${policy.name}: ${size} takes too much`);
          }
          assertEquals([next.refusal.limit, next.refusal.wantedBytes], [
            "memory",
            bufferBytes(step, size + 1),
          ]);
          assert(bufferBytes(step, size + 1) > budget, `${policy.name}: ${size + 1} would fit, too`);
        }
      }
    });
  }
}

Deno.test("FitSearch finds the largest batch on a GPU, where products cut into fewer parts make a larger step the smaller one", async () => {
  const gpu = gpuWith(typicalGpuLimits);
  for (const [model, policy, most] of [["micro", "mesa8", 32], ["nano", "exact", 60]] as const) {
    const step = open(model, "batch", { policy: policyDocument(policy) });
    const search = new FitSearch(step, gpu);
    const bytes = Array.from({ length: 2 * most }, (_, i) => search.planOf(i + 1)!.bufferBytes);
    assert(bytes.some((own, i) => own < bytes[i - 1]), "a larger step takes less");
    for (let budget = bytes[0]; budget < bytes[most]; budget += MiB) {
      const largest = bytes.findLastIndex((own) => own <= budget) + 1;
      const { answer, next } = await search.largestIn(budget);
      assertEquals([answer?.size, next.size], [largest, largest + 1], `${model} in ${budget}`);
    }
  }
});

Deno.test("FitSearch finds a size whose bytes are the budget, and one less a byte below", async () => {
  for (const largest of ["batch", "depth", "width"] as const) {
    const step = open("nano", largest);
    const search = new FitSearch(step, software);
    for (const size of [2, 3, 7]) {
      const budget = bufferBytes(step, size);
      assertEquals((await search.largestIn(budget)).answer?.size, size, `${largest} ${size}`);
      assertEquals((await search.largestIn(budget - 1)).answer?.size, size - 1, `${largest} ${size}`);
    }
  }
});

Deno.test("FitSearch looks about where buffers take more than lives at once, which shifts the answer", async () => {
  const gpu = gpuWith(typicalGpuLimits);
  for (const [policy, budget] of [["exact", 60], ["mesa8", 60], ["mst8", 200]] as const) {
    const step = open("nano", "sequence", { policy: policyDocument(policy) });
    const { answer } = await new FitSearch(step, gpu).largestIn(budget * MiB);
    const { size } = answer!;
    const fit = (size: number) => bufferBytes(step, size, gpu) <= budget * MiB;
    assertEquals([fit(size), fit(size + 1)], [true, false], `${policy}: ${size}`);
  }
});

Deno.test("FitSearch looks beyond a size that happens to be packed worse than larger ones", async () => {
  const state = { parameters: "bf16", moments: "bf16", update: "backward", clipBy: "last" } as const;
  const choices = { ...state, arithmetic: "f16" } as const;
  const model = parseModel({ name: "shallow", preset: "llama-1b", layers: 2 }, "test");
  const step = { ...open("llama-1b", "sequence", { choices, policy: policyDocument("mst8") }), model };
  const search = new FitSearch(step, gpuWith(typicalDawnLimits));
  const { answer, next } = await search.largestIn(8 * 2 ** 30);
  // 95,173 is refused for its packing alone.
  assert(answer!.size >= 95_398, `${answer!.size}`);
  assertEquals(next.size, answer!.size + 1);
});

Deno.test("FitSearch finds nothing where not even the smallest fits, and says what that would take", async () => {
  const step = open("nano", "batch");
  const { answer, next } = await new FitSearch(step, software).largestIn(MiB);
  assertEquals([answer, next.size, next.refusal.wantedBytes], [null, 1, bufferBytes(step, 1)]);
});

Deno.test("FitSearch tells what limits: buffers, what can be planned, and positions that are to be kept", async () => {
  const found = async (step: OpenStep, adapter = gpuWith(typicalGpuLimits)) => {
    const { answer, next } = await new FitSearch(step, adapter).largestIn(2 ** 47);
    return [answer?.size, next.refusal.limit];
  };
  const [size, limit] = await found(open("nano", "batch"));
  assertEquals(limit, "buffer");
  const { plan } = describeStep(stepOf(open("nano", "batch"), Number(size) + 1), gpuWith(typicalGpuLimits));
  assert(plan.largestBufferBytes > typicalGpuLimits.maxBufferSize);
  assertEquals(await found(open("nano", "depth")), [256, "program"]);
  assertEquals(await found(open("nano", "sequence", { keepPositions: true })), [1024, "positions"]);
});

Deno.test("FitSearch hears a signal that comes while it plans, and ends with its reason", async () => {
  const controller = new AbortController();
  const reason = new Error("asked to end");
  const looking = new FitSearch(open("nano", "batch"), software).largestIn(64 * MiB, controller.signal);
  setTimeout(() => controller.abort(reason));
  assertEquals(await looking.catch((error) => error), reason);
});

Deno.test("stepOf() gives a model its positions up to their number, and beyond as many as tokens", () => {
  const small = open("small", "sequence");
  assertEquals(stepOf(small, 700).model, modelConfig("small"));
  assertEquals(stepOf(small, 1024).model, modelConfig("small"));
  assertEquals(stepOf(small, 1025).model, { ...modelConfig("small"), name: "small-1025", positions: 1025 });
  const { model, sequence } = stepOf({ ...small, keepPositions: true }, 1025);
  assertEquals([model, sequence], [modelConfig("small"), 1025]);
});

Deno.test("stepOf() widens by whole heads of the model's size, a Llama in all its widths", () => {
  const wide = (name: string, heads: number) => stepOf(open(name, "width"), heads).model;
  assertEquals(wide("small", 12), modelConfig("small"));
  assertEquals(wide("small", 13), { ...modelConfig("small"), name: "small-832-wide", heads: 13, width: 832 });
  assertEquals(wide("deit-tiny", 1).width, 64);
  assertEquals(wide("llama-1b", 8), modelConfig("llama-1b"));
  assertEquals(wide("llama-1b", 4), {
    ...modelConfig("llama-1b"),
    ...{ name: "llama-1b-1024-wide", keyHeads: 4, heads: 16, width: 1024, hidden: 4096 },
  } as ReturnType<typeof modelConfig>);
  assertEquals(inUnits(open("small", "width"), 13), 832);
  for (const name of ["nano", "vit-nano", "llama-nano"]) {
    for (const largest of ["depth", "width"] as const) parseModel(stepOf(open(name, largest), 3).model, name);
  }
});

Deno.test("FitSearch looks from as many tokens on as ranks share, and finds longer sequences for more of them", async () => {
  const sizes = await Promise.all([1, 4].map(async (ranks) => {
    const step = open("nano", "sequence", { choices: { ranks } });
    return (await new FitSearch(step, software).largestIn(40 * MiB)).answer!.size;
  }));
  assert(sizes[1] > 2 * sizes[0], `${sizes}`);
  const none = await new FitSearch(
    open("nano", "batch", { choices: { ranks: 3, spread: "batch" } }),
    software,
  )
    .largestIn(1);
  assertEquals([none.answer, none.next.size], [null, 3]);
});

Deno.test("FitSearch finds a sequence that ranks share evenly beyond uneven ones that are packed worse", async () => {
  const step = open("nano", "sequence", { policy: policyDocument("mst8"), choices: { ranks: 4 } });
  const search = new FitSearch(step, gpuWith(typicalGpuLimits));
  for (const size of [40_000, 33_116]) {
    const budget = search.planOf(size)!.bufferBytes;
    assert(search.refusalOf(size - 3, budget), "a shorter sequence takes more");
    const { answer, next } = await search.largestIn(budget);
    assert(answer!.size >= size, `${answer!.size} of ${size}`);
    assertEquals([search.refusalOf(answer!.size, budget), next.size], [null, answer!.size + 1]);
    assert(next.refusal);
  }
});

Deno.test("The longest sequences by ranks in the documentation are those that fit by plan", async () => {
  const text = await Deno.readTextFile(`${import.meta.dirname}/../../docs/ranks.md`);
  const rowsOf = (title: string) =>
    text.split(title)[1].split("\n\n")[1].split("\n").map((line) =>
      line.split("|").slice(1, -1).map((cell) => cell.trim())
    ).filter(([ranks]) => /^\d+$/.test(ranks)).map((row) => row.map((cell) => cell.replaceAll(/\s/g, "")));
  const small = { parameters: "bf16", moments: "8bit", update: "backward", clipBy: "last" } as const;
  const tables = [
    { title: "`llama-1b` in 24 GiB", gibibytes: 24, policies: ["exact", "mst8"], choices: {}, rows: 3 },
    { title: "`llama3-8b` in 80 GiB", gibibytes: 80, policies: ["mst8"], choices: small, rows: 4 },
  ];
  for (const { title, gibibytes, policies, choices, rows } of tables) {
    const model = title.match(/`(.*)`/)![1];
    const found = rowsOf(title);
    assertEquals(found.length, rows);
    for (const [ranks, ...told] of found) {
      for (
        const [i, policy] of policies.flatMap((name) => [policyDocument(name), policyDocument(name)])
          .entries()
      ) {
        if (told[i] === "–") continue;
        const sharding = i % 2 === 1 ? "moments" as const : "none" as const;
        const own = { ...choices, ranks: Number(ranks), sharding };
        const step = open(model, "sequence", { policy, choices: own });
        const adapter = gpuWith(model === "llama-1b" ? typicalGpuLimits : typicalDawnLimits);
        const search = new FitSearch(step, adapter);
        const [fits, next] = [0, 1].map((more) =>
          search.refusalOf(Number(told[i]) + more, gibibytes * 2 ** 30)
        );
        const what = `${model} ${policy.name} on ${ranks} ranks, ${sharding}: ${told[i]}`;
        const limit = Number(told[i]) === mostTokens(step.model) ? "program" : "memory";
        assertEquals([fits, next?.limit], [null, limit], what);
        const buffers = told[policies.length * 2]?.split(",");
        if (buffers) {
          const planned = search.planOf(Number(told[i]))!.bufferBytes / 2 ** 30;
          assertEquals(buffers[i], planned.toFixed(1), what);
        }
      }
    }
  }
});
