import { assertRejects } from "@std/assert";
import { attentionKey } from "../../kernels/attention/attention_shape.ts";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { UserError } from "../../src/errors.ts";
import { modelConfig } from "../../src/models/model_config.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { trainDefaults } from "../../src/train/options.ts";
import { runTraining } from "./run_training.ts";

gpuTest("runTraining() trains with the variants of a file", async () => {
  const asked = attentionKey("forward", { batch: 1, heads: 4, sequence: 65, headSize: 32, causal: false });
  const path = await Deno.makeTempFile({ suffix: ".json" });
  await Deno.writeTextFile(path, JSON.stringify({ [asked]: "no such variant" }));
  const run = {
    model: modelConfig("vit-nano"),
    batch: 1,
    policy: policyDocument("exact"),
    steps: 1,
    seed: 1,
    learningRate: trainDefaults.learningRate,
    weightDecay: 0,
    clip: 0,
    warmup: 0,
    evalEvery: 0,
    variants: path,
    noTune: false,
    requireGpu: false,
  };
  const idle = { ...run, prompt: "Once" };
  await assertRejects(() => runTraining(idle), UserError, "--prompt is for models of texts");
  const short = { ...run, sequence: 64 };
  await assertRejects(
    () => runTraining(short),
    UserError,
    "--sequence is for models of sequences of any length",
  );
  await assertRejects(() => runTraining(run), UserError, `No variant "no such variant" of "${asked}"`);
  await Deno.remove(path);
});
