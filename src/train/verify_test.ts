import { assert, assertEquals, assertRejects } from "@std/assert";
import { gpuTest, noMatrices, testGpu } from "../../kernels/testing/testing.ts";
import { UserError } from "../errors.ts";
import { type NamedTensor, readSafetensors, writeSafetensors } from "../io/safetensors.ts";
import { weightsFrom } from "../models/checkpoint.ts";
import { readGoldenCase } from "../models/golden_case.ts";
import { limit } from "../models/shared/reference_storage.ts";
import { policyDocument } from "../storage/policies.ts";
import { judge, onDevice, verifyCase } from "./verify.ts";

const cases = `${import.meta.dirname}/../models/testdata`;
const names = ["gpt2-regular", "gpt2-ragged", "vit-small", "llama-regular", "llama-ragged"];

/**
 * What policies cost: least and largest error of all gradients together, and largest of a tensor. Two bits round at 85 times the step of
 * eight; block inputs are the only ones kept, and rounded to nearest, as tokens are.
 */
const costs = {
  exact: [0, 1e-5, 1e-5],
  half: [1e-5, 1e-3, 2e-3],
  mesa8: [1e-3, 2e-2, 5e-2],
  "mesa8-paper": [1e-3, 2e-2, 5e-2],
  tensor8: [1e-3, 2e-2, 5e-2],
  token8: [1e-3, 1e-2, 2.5e-2],
  mesa4: [1.7e-2, 0.34, 0.85],
  mesa2: [8.5e-2, 1.7, 4.25],
  "mesa8-selective": [1e-3, 2e-2, 5e-2],
  recompute: [0, 1e-5, 1e-5],
  recompute8: [1e-3, 1e-2, 2.5e-2],
  mst: [0, 1e-5, 1e-5],
  mst8: [1e-3, 1e-2, 2.5e-2],
} as const;

/** How much more they may cost a model: SwiGLU multiplies two stored tensors, of independent errors, where GELU reads one. */
const share = (name: string) => name.startsWith("llama") ? Math.SQRT2 : 1;

/** Runs `work` on a copy of the ragged case. */
async function withCopy(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for await (const { name } of Deno.readDir(`${cases}/gpt2-ragged`)) {
      await Deno.copyFile(`${cases}/gpt2-ragged/${name}`, `${folder}/${name}`);
    }
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const cannotRun = await noMatrices();

for (const arithmetic of ["f16x3", "f16"] as const) {
  for (const name of names) {
    for (const policy of ["exact", "half", "mesa8", "mst8"]) {
      gpuTest(`verifyCase() passes ${name} under ${policy} in ${arithmetic}`, async () => {
        const { failures, tensors } = await verifyCase(await testGpu(), `${cases}/${name}`, {
          policy,
          arithmetic,
        });
        assertEquals(failures, []);
        const worst = Math.max(...tensors.map(({ fromStored }) => fromStored));
        const [least, most] = arithmetic === "f16" ? [1e-4, 3e-3] : [0, limit];
        assert(worst >= least && worst <= most, `a gradient differs by ${worst}`);
      }, cannotRun);
    }
  }
}

for (const name of names) {
  for (const [policy, [least, usual, usualOfTensor]] of Object.entries(costs)) {
    const [most, worstTensor] = [usual, usualOfTensor].map((error) =>
      error > limit ? share(name) * error : error
    );
    gpuTest(`verifyCase() passes ${name} under ${policy}`, async () => {
      const report = await verifyCase(await testGpu(), `${cases}/${name}`, { policy });
      assertEquals(report.failures, []);
      assert(report.pass);
      const { overallRelativeError: overall, worst, tensors, lossDifferences, gradients } = report;
      assert(overall >= least && overall <= most, `all gradients differ by ${overall}`);
      assert(worst.relativeError <= worstTensor, `${worst.name} differs by ${worst.relativeError}`);
      assertEquals(tensors.length, gradients.size);
      assert(tensors.every(({ fromStored }) => fromStored <= limit));
      assertEquals(lossDifferences.length, 10);
      // Forward is exact, so only the first loss is the reference's whatever the policy.
      const compared = most <= limit ? lossDifferences : lossDifferences.slice(0, 1);
      assert(compared.every((difference) => Math.abs(difference) <= limit), `losses differ by ${compared}`);
    });
  }
}

gpuTest("verifyCase() fails where one weight tensor is scaled by 1.01, and names tensors", async () => {
  const scaled = "transformer.h.1.mlp.c_fc.weight";
  await withCopy(async (folder) => {
    const weights = await readSafetensors(`${folder}/model.safetensors`);
    const { shape, data } = weights.get(scaled)!;
    weights.set(scaled, { dtype: "F32", shape, data: (data as Float32Array).map((value) => value * 1.01) });
    await writeSafetensors(`${folder}/model.safetensors`, weights);
    const report = await verifyCase(await testGpu(), folder, { policy: "exact" });
    assert(!report.pass);
    assert(
      report.failures.some((line) => line.startsWith("Loss of step 1 differs by")),
      report.failures.join("\n"),
    );
    const named = report.failures.filter((line) => line.startsWith("Gradient of transformer."));
    assert(named.some((line) => line.includes(scaled)), report.failures.join("\n"));
    assertEquals(named.length, report.tensors.filter(({ relativeError }) => relativeError > 1e-5).length);
  });
});

gpuTest(
  "verifyCase() fails under mesa8 where a gradient tensor of the reference is scaled by 1.1",
  async () => {
    const scaled = "transformer.h.0.attn.c_attn.weight";
    await withCopy(async (folder) => {
      const gradients = await readSafetensors(`${folder}/grads.safetensors`);
      const { shape, data } = gradients.get(scaled)!;
      gradients.set(scaled, {
        dtype: "F32",
        shape,
        data: (data as Float32Array).map((value) => value * 1.1),
      });
      await writeSafetensors(`${folder}/grads.safetensors`, gradients);
      const report = await verifyCase(await testGpu(), folder, { policy: "mesa8" });
      assert(!report.pass);
      assertEquals(report.worst.name, scaled);
      assert(report.failures.some((line) => line.startsWith(`Gradient of ${scaled} differs by`)));
    });
  },
);

gpuTest("judge() passes two bits for the gradients of what was stored, and for no others", async () => {
  const golden = await readGoldenCase(`${cases}/gpt2-ragged`);
  const weights = weightsFrom(golden.weights, golden.config, "gpt2-ragged");
  const mesa2 = policyDocument("mesa2");
  const under = async (policy = mesa2) => onDevice(await testGpu(), golden, weights, policy, "gpt2-ragged");
  const found = await under();
  const failures = (changes: Partial<typeof found>) =>
    judge(mesa2, golden, weights, { ...found, ...changes }).failures;
  assertEquals(failures({}), []);

  const zeros = ({ shape, data }: NamedTensor): NamedTensor => ({
    ...{ dtype: "F32", shape },
    data: new Float32Array(data.length),
  });
  const noGradient = new Map([...found.gradients].map(([name, tensor]) => [name, zeros(tensor)]));
  assertEquals(
    failures({ gradients: noGradient }),
    [...golden.gradients.keys()].map((name) =>
      `Gradient of ${name} is not that of the stored values: it differs by 1.00e+0`
    ),
  );

  // Codes that could have been stored, but are not those that backward read.
  const { stored: nearest } = await under({ ...mesa2, rounding: "nearest" });
  const misread = failures({ stored: nearest });
  assert(misread.length > 0 && misread.every((line) => line.includes("not that of the stored values")));

  const { gradients, stored } = await under(policyDocument("exact"));
  assert(failures({ gradients, stored }).includes("h.0.ln_1 is not kept in 2 bits, 6660 elements of them"));
});

gpuTest("verifyCase() refuses a folder that lacks a file, and a policy that is none", async () => {
  const gpu = await testGpu();
  const before = gpu.ledger.liveBytes;
  await withCopy(async (folder) => {
    await Deno.remove(`${folder}/grads.safetensors`);
    await assertRejects(
      () => verifyCase(gpu, folder, { policy: "exact" }),
      UserError,
      `${folder}/grads.safetensors`,
    );
  });
  await assertRejects(
    () => verifyCase(gpu, `${cases}/gpt2-ragged`, { policy: "mesa9" }),
    UserError,
    'Unknown policy "mesa9"; did you mean "mesa8"?',
  );
  assertEquals(gpu.ledger.liveBytes, before);
});
