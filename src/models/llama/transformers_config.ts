import { z } from "zod";
import type { RotaryScaling } from "../../../kernels/embedding/rotary_frequencies.ts";
import type { LlamaConfig } from "./config.ts";

const llama3 = z.object({
  factor: z.number().positive(),
  low_freq_factor: z.number().positive(),
  high_freq_factor: z.number().positive(),
  original_max_position_embeddings: z.int().positive(),
});

/** What `transformers` calls rope_scaling: none, or Llama 3's; undefined for any other, which computes something else. */
export function rotaryScalingFrom(json: unknown): RotaryScaling | null | undefined {
  if (json === null || json === undefined) return null;
  const kind = z.object({ rope_type: z.string() }).or(z.object({ type: z.string() })).safeParse(json).data;
  const type = kind && ("rope_type" in kind ? kind.rope_type : kind.type); // older versions have it by the shorter name
  if (type === "default") return null;
  const { data } = llama3.safeParse(json);
  return type !== "llama3" || !data ? undefined : {
    factor: data.factor,
    slow: data.low_freq_factor,
    fast: data.high_freq_factor,
    positions: data.original_max_position_embeddings,
  };
}

/** The inverse. */
export function rotaryScalingTo(scaling: LlamaConfig["rotaryScaling"]): unknown {
  return scaling && {
    rope_type: "llama3",
    factor: scaling.factor,
    low_freq_factor: scaling.slow,
    high_freq_factor: scaling.fast,
    original_max_position_embeddings: scaling.positions,
  };
}
