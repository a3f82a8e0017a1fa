import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { gpuTest, noMatrices } from "../../kernels/testing/testing.ts";
import { UserError } from "../errors.ts";
import { gpuWith, type ProgramDescription } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { OperandScales } from "../gpu/operand_scales.ts";
import { wholeOf } from "../gpu/tensor.ts";
import { ParameterSet } from "../nn/parameters.ts";
import { describeEvaluation } from "./describe.ts";
import { policyOf } from "./options.ts";
import { describeStep } from "./plan_training.ts";
import type { TrainingSession } from "./session.ts";
import { taskOf } from "./task_of.ts";
import { model, options, someBatches, someImages, vitOptions, weightsOf, withSession } from "./testing.ts";

const cannotRun = await noMatrices();

/** Losses, and the last step's gradients. */
async function trained(session: TrainingSession, between: () => Promise<unknown> = () => Promise.resolve()) {
  const losses: number[] = [];
  for (const batch of someBatches(4)) {
    session.step(batch);
    losses.push(...await session.losses());
    await between();
  }
  return { losses, gradients: await session.gradients() };
}

for (const arithmetic of ["f16x3", "f16"] as const) {
  const training = cannotRun ? undefined : await withSession({ arithmetic }, trained);

  gpuTest(`A session in ${arithmetic} trains like one in f32, and repeats itself bit for bit`, async () => {
    const exact = await withSession({}, trained);
    const within = arithmetic === "f16" ? 5e-3 : 1e-5;
    training!.losses.forEach((loss, i) => {
      assert(Math.abs(loss - exact.losses[i]) <= within, `step ${i + 1}: ${loss} for ${exact.losses[i]}`);
    });
    assertNotEquals(training!.gradients, exact.gradients); // a few losses may round alike
    assertEquals(await withSession({ arithmetic }, trained), training);
  }, cannotRun);

  gpuTest(`In ${arithmetic}, what is made again is made by forward's scales`, async () => {
    for (const policy of ["recompute", "mst"]) {
      assertEquals((await withSession({ arithmetic, policy }, trained)).losses, training!.losses, policy);
    }
  }, cannotRun);

  gpuTest(
    `In ${arithmetic}, evaluation and samples move no scales`,
    async () => {
      await withSession({ arithmetic }, async (session) => {
        const others = someBatches(2, 9);
        assertEquals(
          await trained(session, async () => {
            await session.evaluate(others);
            await session.generate([3], 2, { temperature: 0, seed: 1 });
          }),
          training,
        );
      });
    },
    cannotRun,
  );

  gpuTest(`A session in ${arithmetic} tells the share of operands that were clipped`, async () => {
    await withSession({ arithmetic }, async (session) => {
      await trained(session);
      assertEquals(await session.overflowShare(), 0);
    });
  }, cannotRun);

  gpuTest(`A session in ${arithmetic} counts what attention clips`, async () => {
    // Keys that AdamW makes ten thousand times as large in a step; nothing else follows them.
    const weights = new Map(await withSession({}, weightsOf));
    const { width } = model;
    const [name] = [...weights.keys()].filter((key) => key.endsWith("attn.c_attn.weight"));
    const keys = (i: number) => Math.floor(i % (3 * width) / width) === 1;
    weights.set(name, weights.get(name)!.map((x, i) => keys(i) ? 1e-6 * x : x));
    await withSession({ arithmetic }, async (session) => {
      const shares: number[] = [];
      for (const batch of someBatches(3)) {
        session.step(batch);
        await session.losses();
        shares.push((await session.overflowShare())!);
      }
      assert(shares[0] === 0 && shares[1] > 0, `${shares}`);
      assertAlmostEquals(shares[2], 2 / 3 * shares[1], 1e-12, "of all three steps, only the second clips");
    }, weights);
  }, cannotRun);

  gpuTest(`A Vision Transformer trains in ${arithmetic}`, async () => {
    const losses = (changes: object) =>
      withSession({ ...vitOptions, ...changes }, async (session) => {
        for (const batch of someImages(3)) session.step(batch);
        return await session.losses();
      });
    const [exact, own] = [await losses({}), await losses({ arithmetic })];
    own.forEach((loss, i) => assert(Math.abs(loss - exact[i]) <= 5e-3, `${loss} for ${exact[i]}`));
  }, cannotRun);
}

Deno.test("In halves forward and backward look at attention's operands, but not what is made again, nor evaluation", () => {
  const adapter = gpuWith(typicalGpuLimits);
  /** Kernels of attention, their passes, and whether they look. */
  const looks = ({ dispatches }: ProgramDescription) =>
    dispatches.filter(({ kernel, looksAt }) => looksAt !== undefined || /^attention_(f|b)/.test(kernel.label))
      .map((
        { kernel, pass, looksAt = 0, bindings },
      ) => {
        const [seen] = bindings.filter(({ tensor }) => tensor.name.endsWith("operands seen"));
        assertEquals(looksAt > 0, seen.access === "update");
        return `${pass} ${kernel.label.slice("attention_".length)} ${looksAt > 0}`;
      });
  const training = describeStep({ ...options, policy: "recompute", arithmetic: "f16x3" }, adapter);
  assertEquals(looks(training), [
    "forward forward true",
    "recompute forward false",
    "backward backward_query true",
    "backward backward_key true",
  ]);
  const task = taskOf(options);
  const parameters = new ParameterSet(task.parameters, adapter.limits);
  const scaled = { ...adapter, arithmetic: "f16x3", scales: new OperandScales() } as const;
  const evaluation = describeEvaluation(task, parameters, policyOf(options), scaled);
  assertEquals(looks(evaluation), ["forward forward false"]);
  assertEquals(evaluation.dispatches.filter(({ kernel }) => kernel.label === "scales_turn"), []);
});

Deno.test("In f16 what attention reads as halves is looked at as they are written, but not what is made again, nor in evaluation", () => {
  const adapter = gpuWith(typicalGpuLimits);
  const long = { ...options, model: { ...model, vocab: 512, positions: 2048 }, sequence: 2048, batch: 1 };
  /** What attention does, in which pass, by whose scales, and whether it looks. */
  const looks = ({ dispatches }: ProgramDescription) =>
    dispatches.filter(({ operator, bindings, first }) =>
      operator === "attention" && !first &&
      bindings.some(({ tensor }) => tensor.name.endsWith("operands seen"))
    ).map(({ kernel: { label }, pass, bindings, looksAt = 0 }) => {
      const { tensor, access } = bindings.find(({ tensor }) => tensor.name.endsWith("operands seen"))!;
      return `${pass} ${label}, ${tensor.name}: ${looksAt} ${access}`;
    });
  const [numbers, pairs] = [2048 * 32, 2 * 2048 * 2049 / 2];
  const training = describeStep({ ...long, policy: "recompute", arithmetic: "f16" }, adapter);
  const three = (line: string) => [line, line, line];
  const [forward, backward] = ["h.0.attn", "d h.0.attn"].map((name) => `${name}: operands seen`);
  assertEquals(looks(training), [
    ...three(`forward scaled_halves, ${forward}: ${numbers} update`),
    `forward attention_forward, ${forward}: 0 update`,
    ...three(`recompute scaled_halves, ${forward}: 0 read`),
    `recompute attention_forward, ${forward}: 0 read`,
    ...three(`backward scaled_halves, ${backward}: ${numbers} update`),
    `backward scaled_halves, ${backward}: ${numbers} update`,
    `backward attention_backward_query, ${backward}: 0 update`,
    `backward attention_backward_key, ${backward}: ${2 * pairs} update`,
  ]);
  const task = taskOf(long);
  const parameters = new ParameterSet(task.parameters, adapter.limits);
  const scaled = {
    ...adapter,
    arithmetic: "f16",
    scales: new OperandScales(),
    spare: () => Infinity,
  } as const;
  assertEquals(looks(describeEvaluation(task, parameters, policyOf(long), scaled)), [
    ...three(`forward scaled_halves, ${forward}: 0 read`),
    `forward attention_forward, ${forward}: 0 read`,
  ]);
});

Deno.test("GELU of what is stored is written out in forward once: in its place, or in f16 as scaled halves", () => {
  const adapter = gpuWith(typicalGpuLimits);
  const writes = (arithmetic: "f32" | "f16x3" | "f16") =>
    describeStep({ ...options, policy: "mesa8", arithmetic }, adapter).dispatches
      .filter(({ kernel: { code }, pass, first }) => pass === "forward" && !first && /0\.044715/.test(code))
      .map(({ kernel }) => kernel.label);
  assertEquals(writes("f32"), ["materialize"]);
  assertEquals(writes("f16x3"), ["materialize"]);
  assertEquals(writes("f16"), ["scaled_halves"]);
});

Deno.test("In f16 no halves are made again that nobody reads", () => {
  const deep = { ...options, model: { ...options.model, layers: 2 }, arithmetic: "f16" } as const;
  for (const policy of ["recompute", "recompute8", "mst"]) {
    const { dispatches } = describeStep({ ...deep, policy }, gpuWith(typicalGpuLimits));
    const halves = dispatches.flatMap(({ bindings }) =>
      bindings.filter(({ tensor }) => tensor.dtype === "f16")
    );
    const read = new Set(
      halves.filter(({ access }) => access === "read").map(({ tensor }) => wholeOf(tensor)),
    );
    const written = halves.filter(({ access }) => access === "write").map(({ tensor }) => wholeOf(tensor));
    assert(written.length > 0);
    assertEquals(written.filter((tensor) => !read.has(tensor)).map(({ name }) => name), [], policy);
  }
});

gpuTest("A session in f32 has no operands to clip", async () => {
  await withSession({}, async (session) => assertEquals(await session.overflowShare(), undefined));
});

gpuTest("A session in halves is refused where subgroups multiply no matrices", async () => {
  await assertRejects(() => withSession({ arithmetic: "f16" }, trained), UserError, "take --runtime dawn");
}, !cannotRun && "this adapter's subgroups multiply matrices");
