import { UserError } from "../../errors.ts";
import type { NamedTensor } from "../../io/safetensors.ts";
import { isRecord } from "../../io/safetensors_header.ts";
import { blocksOf, sameTensor, shapesOf } from "../shared/checkpoint_parameters.ts";
import { configBeside, type Settings } from "../shared/checkpoint_settings.ts";
import type { CheckpointFormat, NamedTensors, Sizes } from "../shared/family.ts";
import { type LlamaConfig, llamaDefaults } from "./config.ts";
import { rotaryScalingFrom, rotaryScalingTo, transformersConfig } from "./transformers_config.ts";

/**
 * Llama as `transformers` saves it. Buffers of older versions and a tied copy of the output head are passed over. What shapes do not
 * show is what the file's metadata say, else what a `config.json` beside it says, whose model must compute what Llama does; there is no
 * guess, since a wrong one would compute something else.
 */
export const llamaCheckpoint: CheckpointFormat<LlamaConfig> = {
  recognises: (tensors) => tensors.has(embedding),
  canonical,
  async settings(path, metadata) {
    const config = await configBeside(path, metadata, beside);
    const given = { ...config && settingsOf(config), ...metadata };
    const number = (name: string) => given[name] === undefined ? {} : { [own[name]]: Number(given[name]) };
    const { rope_scaling: said } = given;
    const scaling = typeof said === "string" ? fromJson(said) : said;
    const rotaryScaling = rotaryScalingFrom(scaling);
    if (rotaryScaling === undefined) {
      throw new UserError(
        `${path} comes with rope_scaling = ${
          JSON.stringify(scaling)
        }, which is none of Llama's; choose another checkpoint`,
      );
    }
    const { tie_word_embeddings: tied, num_key_value_heads: keyHeads } = given;
    return {
      ...Object.assign({}, ...Object.keys(own).map(number)),
      ...typeof keyHeads === "number" && { keyHeads },
      ...tied === true && { tiedHead: true },
      rotaryScaling,
    };
  },
  sizesFrom,
  metadata: (config) => ({
    ...Object.fromEntries(Object.entries(own).map(([name, size]) => [name, `${config[size]}`])),
    rope_scaling: JSON.stringify(rotaryScalingTo(config.rotaryScaling)),
  }),
  config: transformersConfig,
};

const embedding = "model.embed_tokens.weight";
const head = "lm_head.weight";

/** Settings by the names of `transformers`, and the sizes that they are. */
const own: Readonly<Record<string, "heads" | "headSize" | "positions" | "rotaryBase" | "normEpsilon">> = {
  num_attention_heads: "heads",
  head_dim: "headSize",
  max_position_embeddings: "positions",
  rope_theta: "rotaryBase",
  rms_norm_eps: "normEpsilon",
};

/** What a `config.json` is asked for. */
const beside: Settings = {
  title: "Llama",
  names: [...Object.keys(own), "rope_scaling"],
  computed: { model_type: ["llama"], hidden_act: ["silu"], attention_bias: [false], mlp_bias: [false] },
};

/** What `transformers` takes where a `config.json` says nothing. */
const unsaid = { rope_theta: 10000, max_position_embeddings: 2048, rms_norm_eps: 1e-6 };

function sizesFrom(
  tensors: NamedTensors,
  source: string,
  settings: Partial<Sizes<LlamaConfig>>,
): Sizes<LlamaConfig> {
  const shapeOf = shapesOf(tensors, "Llama", source);
  const inFirst = (name: string) => shapeOf(`model.layers.0.${name}.weight`, 2)[0];
  const [vocab, width] = shapeOf(embedding, 2);
  const [queries, keys] = [inFirst("self_attn.q_proj"), inFirst("self_attn.k_proj")];
  const { heads, rotaryBase } = settings;
  if (heads === undefined || rotaryBase === undefined) {
    throw new UserError(
      `${source} tells neither its heads nor its rotary positions; put the config.json that belongs to it beside it`,
    );
  }
  const headSize = settings.headSize ?? queries / heads;
  const keyHeads = keys / headSize;
  if (heads * headSize !== queries || !Number.isInteger(headSize) || !Number.isInteger(keyHeads)) {
    throw new UserError(
      `${heads} heads do not make the ${queries} channels of queries and ${keys} of keys of ${source}; mend its config.json`,
    );
  }
  if (settings.keyHeads !== undefined && settings.keyHeads !== keyHeads) {
    throw new UserError(
      `${source} holds ${keyHeads} heads of keys and values, of ${headSize} channels, and its config.json says ${settings.keyHeads}; mend it`,
    );
  }
  if (settings.tiedHead && tensors.has(head)) {
    throw new UserError(
      `${source} holds an output head that differs from the word embedding, and its config.json says that they are tied; mend it`,
    );
  }
  return {
    ...llamaDefaults,
    ...settings,
    ...{ layers: blocksOf(tensors, "model.layers"), width, heads, keyHeads, headSize, rotaryBase, vocab },
    hidden: inFirst("mlp.gate_proj"),
    tiedHead: !tensors.has(head),
  };
}

/** The parameters: buffers left out, and the head where it is the word embedding. */
function canonical(tensors: NamedTensors): Map<string, NamedTensor> {
  const parameters = new Map([...tensors].filter(([name]) => !name.endsWith(".rotary_emb.inv_freq")));
  const [words, output] = [parameters.get(embedding), parameters.get(head)];
  if (words && output && sameTensor(words, output)) parameters.delete(head);
  return parameters;
}

/** The settings that a `config.json` says, or means where it says nothing. */
function settingsOf(settings: Record<string, unknown>): Record<string, unknown> {
  // Newer versions put all of the rotary positions into one object, under the same names.
  const { rope_parameters: rotary } = settings;
  const together = isRecord(rotary) ? { rope_theta: rotary.rope_theta, rope_scaling: rotary } : {};
  const said = Object.entries({ ...settings, ...together }).filter(([, value]) => value !== null);
  return { ...unsaid, ...Object.fromEntries(said) };
}

/** What metadata, which are texts, say in JSON; a text that is none stands for itself. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
