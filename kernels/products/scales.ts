import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Binding, Dispatch } from "../../src/gpu/kernel.ts";
import { type Operand, windowedTensor } from "../../src/gpu/operand.ts";
import { mostOperands, type OperandScales } from "../../src/gpu/operand_scales.ts";
import lookText from "./scales_look.wgsl" with { type: "text" };
import largestText from "./operand_largest.wgsl" with { type: "text" };
import scalesText from "./scales.wgsl" with { type: "text" };
import seenText from "./scales_seen.wgsl" with { type: "text" };
import turnText from "./scales_turn.wgsl" with { type: "text" };
import { range } from "../shared/text.ts";

/** How a product's operands are scaled. */
export interface Scaling {
  /** The product's name, the same in every program. */
  readonly key: string;
  /** Whether what this step sees of them counts for the next: evaluation's does not, nor that of what is made again. */
  readonly observes: boolean;
}

const seenTextFor = (observes: boolean) =>
  seenText.replaceAll("SEEN", observes ? "atomic<u32>" : "u32")
    .replaceAll("ACCESS", observes ? "read_write" : "read")
    .replaceAll("OPERANDS", `${mostOperands}`);

/** The WGSL of a scale by itself: `scale_from`. */
export const scaleText = scalesText;

/** The WGSL of a product's scales: `scale_from`, where it finds what was seen, and, where it looks for itself, `looked` and `tell`. */
export const scalingText = (observes: boolean): string =>
  seenTextFor(observes) + scalesText + (observes ? lookText : "");

/** The bindings of a product's scales, in group 0. */
export function scalingBindings(scales: OperandScales, { key, observes }: Scaling): Binding[] {
  return [
    { group: 0, index: 3, tensor: scales.of(key), access: observes ? "update" : "read" },
    { group: 0, index: 4, tensor: scales.turn, access: "read" },
  ];
}

const threads = 256;
const vectorsPerThread = 16;

/** An operand, all of it or, of what lies side by side in a tensor, the columns from the first on and before the second. */
export interface Looked {
  readonly x: Operand;
  readonly columns?: readonly number[];
  /** Which operand it is; its place among those that are given if left out. */
  readonly operand?: number;
}

/** Emits, for the first run of the program only, the look at the operands of a product that is as yet to be seen. */
export function lookFirst(builder: ProgramBuilder, operands: readonly Looked[], scaling: Scaling): void {
  const { scales } = builder;
  if (!scales || !scaling.observes) return;
  for (const [i, { x, columns: [begin, end] = [0, x.tensor.cols], operand = i }] of operands.entries()) {
    for (const window of builder.windows([windowedTensor(x)], x.unit)) {
      const vectors = window.rows * (Math.ceil(end / 4) - Math.floor(begin / 4));
      builder.dispatch({
        kernel: { label: "operand_largest", code: x.code("x", 1) + seenTextFor(true) + largestText },
        bindings: [...scalingBindings(scales, scaling), ...x.bindings(1, window)],
        parameters: { vectors, stride: x.tensor.stride / 4, begin, end, operand },
        workgroups: Math.ceil(vectors / (threads * vectorsPerThread)),
        flops: 4 * vectors,
        first: true,
      });
    }
  }
}

/** Emits the end of a step, if anything is scaled: what it saw is what the next one goes by. */
export function endOfStep(builder: ProgramBuilder): void {
  if (!builder.scales) return;
  builder.dispatch({
    kernel: { label: "scales_turn", code: turnText },
    bindings: [{ group: 0, index: 1, tensor: builder.scales.turn, access: "update" }],
    parameters: {},
    workgroups: 1,
    flops: 0,
  });
}

/** Which operands a dispatch of a product looks at, as its parameter `observed` has it. */
export const observed = (a: boolean, b: boolean): number => Number(a) + 2 * Number(b);

/** How many numbers a program's products look at in a step. */
export function numbersSeen(dispatches: readonly Dispatch[]): number {
  return dispatches.reduce(
    (sum, { parameters: { m, n, k, observed = 0 }, looksAt = 0 }) =>
      sum + looksAt + (observed & 1 ? m * k : 0) + (observed & 2 ? k * n : 0),
    0,
  );
}

/** How many numbers of all operands all steps so far have clipped, from the words of what was seen. */
export const clippedIn = (seen: Uint32Array): number =>
  range(mostOperands).reduce((sum, operand) => sum + clippedOf(seen, operand), 0);

/** How many numbers of an operand all steps so far have clipped; each third of the steps is counted modulo 2³². */
export const clippedOf = (seen: Uint32Array, operand: number) =>
  range(3).reduce((sum, step) => sum + seen[wordOf(step, operand) + 1], 0);

/** Where it is told what a third of the steps saw of an operand: its largest, then how many it clipped. */
export const wordOf = (step: number, operand: number) => 2 * (step * mostOperands + operand);
