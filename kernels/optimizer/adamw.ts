import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { stepTensor, stepText } from "../../src/gpu/step_block.ts";
import type { Dtype, Tensor } from "../../src/gpu/tensor.ts";
import text from "./adamw.wgsl" with { type: "text" };
import moments8bitText from "./moments_8bit.wgsl" with { type: "text" };
import momentsBf16Text from "./moments_bf16.wgsl" with { type: "text" };
import momentsF32Text from "./moments_f32.wgsl" with { type: "text" };
import weights16bitText from "./weights_16bit.wgsl" with { type: "text" };
import weightsBf16Text from "./weights_bf16.wgsl" with { type: "text" };
import weightsF16Text from "./weights_f16.wgsl" with { type: "text" };
import weightsF32Text from "./weights_f32.wgsl" with { type: "text" };
import { bf16Text } from "../shared/bf16.ts";
import { elementThreads } from "../shared/elementwise.ts";
import noNumberText from "../shared/no_number.wgsl" with { type: "text" };
import pcgText from "../shared/pcg.wgsl" with { type: "text" };
import reduceText from "../shared/reduce.wgsl" with { type: "text" };

/** Numbers that share scales where moments are codes of 8 bits: those of a workgroup. */
export const momentBlock = 4 * elementThreads;

/**
 * What AdamW updates together: tensors of one shape, all decayed or none. The parameter is in f32, bf16 or f16; moments are of one dtype: f32, bf16, or u8, whose blocks run on
 * through rows.
 */
export interface AdamwArena extends AdamwState {
  readonly gradient: Tensor;
}

/** What AdamW keeps from step to step. */
export interface AdamwState {
  readonly parameter: Tensor;
  readonly moment1: Tensor;
  readonly moment2: Tensor;
  /** Of moments in u8: the scales of both by block (×2), of which the first `skip` rows are others'. */
  readonly scales?: { readonly tensor: Tensor; readonly skip: number };
  readonly decayed: boolean;
  /** Where its first number stands among all that are trained: of its random bits, where weights are in 16 bits. */
  readonly first: number;
}

/** Constants of AdamW; the learning rate and the bias corrections come with the step block. */
export interface AdamwConstants {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
}

const momentTexts: Partial<Record<Dtype, string>> = {
  f32: momentsF32Text,
  bf16: momentsBf16Text,
  u8: reduceText + moments8bitText,
};

const weightTexts: Partial<Record<Dtype, string>> = {
  f32: weightsF32Text,
  bf16: pcgText + weightsBf16Text + weights16bitText,
  f16: pcgText + weightsF16Text + weights16bitText,
};

/** What stands in front of texts of those formats: bf16's has in it what f16's weights need. */
const sharedText = (...formats: Dtype[]) =>
  formats.includes("bf16") ? bf16Text : formats.includes("f16") ? noNumberText : "";

/** Emits one AdamW update of every arena. `clip` (1×1) scales the gradients. */
export function adamw(
  builder: ProgramBuilder,
  arenas: readonly AdamwArena[],
  clip: Tensor,
  { betas, epsilon, weightDecay }: AdamwConstants,
): void {
  for (const { parameter, gradient, moment1, moment2, scales, decayed, first } of arenas) {
    for (const window of builder.windows([parameter, gradient])) {
      const vectors = window.rows * parameter.stride / 4;
      builder.dispatch({
        kernel: {
          label: "adamw",
          code: stepText + sharedText(parameter.dtype, moment1.dtype) + weightTexts[parameter.dtype] +
            momentTexts[moment1.dtype] + text,
        },
        bindings: [
          { group: 0, index: 1, tensor: stepTensor, access: "read" },
          { group: 0, index: 2, tensor: clip, access: "read" },
          { group: 0, index: 3, tensor: gradient, access: "read", ...window },
          { group: 0, index: 4, tensor: parameter, access: "update", ...window },
          { group: 0, index: 5, tensor: moment1, access: "update", ...window },
          { group: 0, index: 6, tensor: moment2, access: "update", ...window },
          ...scales ? [{ group: 0, index: 7, tensor: scales.tensor, access: "update" } as const] : [],
        ],
        parameters: {
          vectors,
          first_vector: (first + window.first * parameter.stride) / 4,
          // Windows begin at multiples of 64 rows of whole vectors: at whole blocks.
          skip: scales ? scales.skip + window.first * parameter.stride / momentBlock : 0,
          decayed: Number(decayed),
          rate1: 1 - betas[0],
          rate2: 1 - betas[1],
          epsilon,
          weight_decay: weightDecay,
        },
        workgroups: Math.ceil(vectors / elementThreads),
        flops: 60 * vectors,
      });
    }
  }
}
