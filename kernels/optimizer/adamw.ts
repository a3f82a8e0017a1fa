import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import { stepTensor, stepText } from "../../src/gpu/step_block.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import text from "./adamw.wgsl" with { type: "text" };
import { elementThreads } from "../shared/elementwise.ts";

/** What AdamW updates together: flat tensors of one shape, all decayed or none. */
export interface AdamwArena {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  readonly moment1: Tensor;
  readonly moment2: Tensor;
  readonly decayed: boolean;
}

/** Constants of AdamW; the learning rate and the bias corrections come with the step block. */
export interface AdamwConstants {
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
}

/** Emits one AdamW update of every arena. `clip` (1×1) scales the gradients. */
export function adamw(
  builder: ProgramBuilder,
  arenas: readonly AdamwArena[],
  clip: Tensor,
  { betas, epsilon, weightDecay }: AdamwConstants,
): void {
  for (const { parameter, gradient, moment1, moment2, decayed } of arenas) {
    for (const window of builder.windows([parameter])) {
      const vectors = window.rows * parameter.stride / 4;
      builder.dispatch({
        kernel: { label: "adamw", code: stepText + text },
        bindings: [
          { group: 0, index: 1, tensor: stepTensor, access: "read" },
          { group: 0, index: 2, tensor: clip, access: "read" },
          { group: 0, index: 3, tensor: gradient, access: "read", ...window },
          { group: 0, index: 4, tensor: parameter, access: "update", ...window },
          { group: 0, index: 5, tensor: moment1, access: "update", ...window },
          { group: 0, index: 6, tensor: moment2, access: "update", ...window },
        ],
        parameters: {
          vectors,
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
