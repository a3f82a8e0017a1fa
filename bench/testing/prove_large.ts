/**
 * Shows that steps too large for a reference on the processor compute the right thing. Gradients, tensor by tensor: `mst` against `exact`,
 * `mst8` against those of the very values that it stored. Whole steps: buffers = plan, and the loss that an evaluation of the same weights in other
 * pieces has. A line for each finding; ends with 1 if one is wrong. On a card, of the 8-billion shape two layers, then all of it:
 *
 *     deno run -A bench/testing/prove_large.ts gradients --model llama3-8b --layers 2 --sequence 8192
 *     deno run -A bench/testing/prove_large.ts steps --model llama3-8b --sequence 61440 --steps 1 --policy mst8 \
 *       --parameters bf16 --moments 8bit --update backward --clip-by last
 */

import { parseArgs } from "node:util";
import { UserError } from "../../src/errors.ts";
import { arithmetics } from "../../src/gpu/arithmetic.ts";
import { runtimes } from "../../src/adapter/runtime.ts";
import { withGpu } from "../../src/gpu/device.ts";
import { checkModel, type ModelConfig, modelConfig, usualSequence } from "../../src/models/model_config.ts";
import { momentFormats, parameterFormats } from "../../src/nn/parameters.ts";
import { policyDocument } from "../../src/storage/policies.ts";
import { oneOf } from "../../src/suggest.ts";
import { clippings, describeChoices, updates } from "../../src/train/step_choices.ts";
import { ensureAdapterEnvironment } from "../machine/start.ts";
import { withRoom } from "../machine/room.ts";
import { checkGradients, checkSteps, type Finding } from "./large_step.ts";
import { where } from "./where.ts";

const string = { type: "string" } as const;
const { values: told, positionals: [what = ""] } = parseArgs({
  args: Deno.args,
  allowPositionals: true,
  options: {
    model: { ...string, default: "llama-nano" },
    layers: string,
    sequence: string,
    pieces: string,
    "learning-rate": { ...string, default: "1e-5" },
    steps: { ...string, default: "2" },
    policy: { ...string, default: "mst8" },
    arithmetic: string,
    parameters: string,
    moments: string,
    update: string,
    "clip-by": string,
    runtime: string,
    "require-gpu": { type: "boolean", default: false },
  },
});

const chosen = <Word extends string>(option: string, word: string | undefined, words: readonly Word[]) =>
  word === undefined ? undefined : oneOf(option, word, words) as Word;

/** A whole number from 1. */
function count(option: keyof typeof told, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0) return number;
  throw new UserError(`--${option} ${text} is no whole number from 1; give one`);
}

/** A preset, with so many of its layers, of which positions do not end before the sequence. */
function modelTold(): { model: ModelConfig; sequence: number } {
  const preset = modelConfig(told.model);
  const sequence = count("sequence", told.sequence ?? `${usualSequence(preset)}`);
  const layers = count("layers", told.layers ?? `${preset.layers}`);
  const whole = layers === preset.layers;
  const model = {
    ...preset,
    ...!whole && { name: `${preset.name}, ${layers} layers`, layers },
    ..."positions" in preset && { positions: Math.max(sequence, preset.positions) },
  };
  checkModel(model, sequence);
  return { model, sequence };
}

try {
  oneOf("proof", what, ["gradients", "steps"]);
  const { model, sequence } = modelTold();
  const choices = {
    arithmetic: chosen("arithmetic", told.arithmetic, arithmetics),
    parameters: chosen("format of weights", told.parameters, parameterFormats),
    moments: chosen("format of moments", told.moments, momentFormats),
    update: chosen("update", told.update, updates),
    clipBy: chosen("clipping", told["clip-by"], clippings),
  };
  const learningRate = Number(told["learning-rate"]);
  const options = { model, sequence, batch: 1, seed: 1, learningRate, ...choices };
  const adapter = await ensureAdapterEnvironment({
    requireGpu: told["require-gpu"],
    runtime: chosen("runtime", told.runtime, runtimes),
  });
  const findings: Finding[] = [];
  const tell = (finding: Finding) => {
    findings.push(finding);
    console.log(`${finding.pass ? "right" : "WRONG"}  ${finding.text}`);
  };
  console.log(await where(adapter));
  const policy = what === "steps" ? [`policy ${told.policy}`] : [];
  console.log([`${model.name}, 1 × ${sequence}`, ...policy, ...describeChoices(choices)].join(", "));
  await withGpu({ requireGpu: told["require-gpu"] }, async (opened) => {
    const gpu = await withRoom(opened);
    if (what === "steps") {
      const policy = policyDocument(told.policy);
      return await checkSteps(gpu, { ...options, policy }, count("steps", told.steps), tell);
    }
    const rows = told.pieces === undefined ? undefined : count("pieces", told.pieces);
    await checkGradients(gpu, options, tell, rows === undefined ? {} : { mlp: rows, head: rows });
  });
  Deno.exit(findings.every(({ pass }) => pass) ? 0 : 1);
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  console.error(error.message);
  Deno.exit(2);
}
