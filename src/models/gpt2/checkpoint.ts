import { UserError } from "../../errors.ts";
import { headsOf, pickParameters } from "../checkpoint_parameters.ts";
import { withFileErrors } from "../../io/files.ts";
import {
  type NamedTensor,
  readSafetensors,
  readSafetensorsMetadata,
  writeSafetensors,
} from "../../io/safetensors.ts";
import { isRecord, showShape } from "../../io/safetensors_header.ts";

/** The sizes that fix the shapes of a GPT-2's parameters. */
export interface Gpt2Sizes {
  layers: number;
  width: number;
  vocab: number;
  positions: number;
}

/** What a checkpoint tells of its model; `heads` and the epsilon do not show in the shapes. */
export interface Gpt2CheckpointConfig extends Gpt2Sizes {
  heads: number;
  layerNormEpsilon: number;
}

type Unseen = Pick<Gpt2CheckpointConfig, "heads" | "layerNormEpsilon">;

/**
 * Names and shapes of a GPT-2's parameters as `transformers` saves them, in the order of its modules. Linear weights are [in, out].
 * The output head is tied to `transformer.wte.weight` and has no entry of its own.
 */
export function gpt2ParameterShapes({ layers, width, vocab, positions }: Gpt2Sizes): Map<string, number[]> {
  const shapes = new Map<string, number[]>();
  const affine = (name: string, ...weight: number[]) => {
    shapes.set(`transformer.${name}.weight`, weight);
    shapes.set(`transformer.${name}.bias`, weight.slice(-1));
  };
  shapes.set("transformer.wte.weight", [vocab, width]);
  shapes.set("transformer.wpe.weight", [positions, width]);
  for (let layer = 0; layer < layers; layer++) {
    affine(`h.${layer}.ln_1`, width);
    affine(`h.${layer}.attn.c_attn`, width, 3 * width);
    affine(`h.${layer}.attn.c_proj`, width, width);
    affine(`h.${layer}.ln_2`, width);
    affine(`h.${layer}.mlp.c_fc`, width, 4 * width);
    affine(`h.${layer}.mlp.c_proj`, 4 * width, width);
  }
  affine("ln_f", width);
  return shapes;
}

/**
 * Picks a GPT-2's parameters out of the tensors of a checkpoint, under the names and in the order of `gpt2ParameterShapes`.
 * The prefix `transformer.` may be missing; attention-mask buffers and a tied copy of the output head are passed over.
 * Throws a `UserError` that names the tensor which is missing, unexpected, or of the wrong shape; `source` names the file.
 */
export function gpt2WeightsFrom(
  tensors: ReadonlyMap<string, NamedTensor>,
  sizes: Gpt2Sizes,
  source: string,
): Map<string, Float32Array<ArrayBuffer>> {
  const parameters = canonicalParameters(tensors, source);
  return pickParameters(parameters, gpt2ParameterShapes(sizes), `a GPT-2 of ${sizes.layers} layers`, source);
}

/**
 * Infers the model of a checkpoint from its tensors' shapes. They do not show the number of heads: where `hints` does not tell it, heads
 * are taken to be 64 wide, as in every GPT-2 that was published. The epsilon defaults to theirs, 1e-5.
 * Throws a `UserError` if the tensors are not a GPT-2's or the heads do not divide the width.
 */
export function gpt2ConfigFrom(
  tensors: ReadonlyMap<string, NamedTensor>,
  source: string,
  hints: Partial<Unseen> = {},
): Gpt2CheckpointConfig {
  const parameters = canonicalParameters(tensors, source);
  const matrix = (name: string) => {
    const shape = parameters.get(name)?.shape;
    if (shape?.length === 2) return shape;
    throw new UserError(`${source} is not a GPT-2 checkpoint: it has no matrix "${name}"`);
  };
  const [vocab, width] = matrix("transformer.wte.weight");
  const [positions] = matrix("transformer.wpe.weight");
  const layers = new Set([...parameters.keys()].map((name) => /^transformer\.h\.(\d+)\./.exec(name)?.[1]));
  layers.delete(undefined);
  return {
    layers: layers.size,
    width,
    heads: headsOf(width, hints.heads, source),
    vocab,
    positions,
    layerNormEpsilon: hints.layerNormEpsilon ?? 1e-5,
  };
}

/**
 * Reads a GPT-2 checkpoint that `transformers` or `writeGpt2Checkpoint` saved. The number of heads is, in this order: `options.heads`,
 * what the file's metadata say, what a `config.json` beside it says, the width divided by 64.
 * Throws a `UserError` for whatever `readSafetensors`, `gpt2ConfigFrom` and `gpt2WeightsFrom` refuse, and for a `config.json` whose
 * model computes something else than GPT-2 does.
 */
export async function readGpt2Checkpoint(
  path: string,
  options: { heads?: number } = {},
): Promise<{ config: Gpt2CheckpointConfig; weights: Map<string, Float32Array<ArrayBuffer>> }> {
  const tensors = await readSafetensors(path);
  const settings = { ...await settingsBeside(path), ...await readSafetensorsMetadata(path) };
  const number = (value: unknown) => value === undefined ? undefined : Number(value);
  const config = gpt2ConfigFrom(tensors, path, {
    heads: options.heads ?? number(settings.n_head),
    layerNormEpsilon: number(settings.layer_norm_epsilon),
  });
  return { config, weights: gpt2WeightsFrom(tensors, config, path) };
}

/** Saves a GPT-2's parameters so that `transformers` loads them and `readGpt2Checkpoint` knows the heads. */
export function writeGpt2Checkpoint(
  path: string,
  tensors: ReadonlyMap<string, NamedTensor>,
  { heads, layerNormEpsilon }: Unseen,
): Promise<void> {
  const metadata = { format: "pt", n_head: `${heads}`, layer_norm_epsilon: `${layerNormEpsilon}` };
  return writeSafetensors(path, tensors, metadata);
}

/** The parameters under their full names: prefix added, buffers left out, the head resolved. */
function canonicalParameters(
  tensors: ReadonlyMap<string, NamedTensor>,
  source: string,
): Map<string, NamedTensor> {
  const parameters = new Map<string, NamedTensor>();
  for (const [given, tensor] of tensors) {
    const short = given.replace(/^transformer\./, "");
    if (/^h\.\d+\.attn\.(masked_)?bias$/.test(short)) continue; // the causal mask of older versions
    const name = short === "lm_head.weight" ? short : `transformer.${short}`;
    if (parameters.has(name)) {
      throw new UserError(`${source} holds "${short}" twice, with and without its prefix`);
    }
    parameters.set(name, tensor);
  }
  const head = parameters.get("lm_head.weight");
  const embedding = parameters.get("transformer.wte.weight");
  if (head) {
    // Of two names for one tensor, some programs keep the head's.
    if (!embedding) parameters.set("transformer.wte.weight", head);
    else if (!equal(head, embedding)) {
      throw new UserError(
        `The output head "lm_head.weight" in ${source} differs from the word embedding; only models that tie the two can be loaded`,
      );
    }
    parameters.delete("lm_head.weight");
  }
  return parameters;
}

function equal(a: NamedTensor, b: NamedTensor): boolean {
  return showShape(a.shape) === showShape(b.shape) && a.data.every((value, i) => Object.is(value, b.data[i]));
}

/** The settings in the `config.json` beside a checkpoint; none if there is no such file. */
async function settingsBeside(path: string): Promise<Record<string, unknown>> {
  const configPath = path.replace(/[^/\\]*$/, "config.json");
  const text = await withFileErrors("read", configPath, async () => {
    try {
      return await Deno.readTextFile(configPath);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "{}";
      throw error;
    }
  });
  const settings = parseSettings(text, configPath);
  for (const [name, values] of Object.entries(computedValues)) {
    if (Object.hasOwn(settings, name) && !values.includes(settings[name])) {
      throw new UserError(
        `${configPath} says ${name} = ${
          JSON.stringify(settings[name])
        }, which computes something else than GPT-2; ` +
          "choose another checkpoint",
      );
    }
  }
  return settings;
}

/** Settings that change what a model computes, with the values that mean GPT-2's own formulas. */
const computedValues: Record<string, unknown[]> = {
  activation_function: ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"], // three names of the tanh approximation
  scale_attn_weights: [true],
  scale_attn_by_inverse_layer_idx: [false],
  tie_word_embeddings: [true],
};

function parseSettings(text: string, path: string): Record<string, unknown> {
  try {
    const settings: unknown = JSON.parse(text);
    if (isRecord(settings)) return settings;
  } catch {
    // Reported below, with every other text that is not an object.
  }
  throw new UserError(`${path} is not a JSON object; mend it or take it away`);
}
