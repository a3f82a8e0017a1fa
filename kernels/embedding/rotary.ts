import type { ProgramBuilder } from "../../src/gpu/builder.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { elementThreads } from "../shared/elementwise.ts";
import text from "./rotary.wgsl" with { type: "text" };

/** Rotary positions of heads that lie side by side at the beginning of each row. */
export interface RotaryShape {
  /** Rows of a sequence, or of a part of each: a row's position is its place among them, */
  readonly sequence: number;
  /** counted from here, or from 0. */
  readonly firstPosition?: number;
  /** Heads that are rotated; what lies behind them stays. */
  readonly heads: number;
  /** By how many radians a position each pair of a head's channels is rotated: half as many as a head has channels. */
  readonly frequencies: readonly number[];
}

/**
 * Emits x (N × at least heads·headSize) rotated in place by its rows' positions (Su et al., arXiv 2104.09864), channel i of a head with channel
 * i + headSize/2, as `transformers` pairs them. `back` rotates the other way round: backward's, and the inverse.
 */
export function rotate(
  builder: ProgramBuilder,
  x: Tensor,
  { sequence, firstPosition = 0, heads, frequencies }: RotaryShape,
  { back = false } = {},
): void {
  const pairs = frequencies.length;
  const table = frequencies.map((frequency) => `vec2(${turns(frequency).join(", ")})`).join(", ");
  const code =
    `const pairs = ${pairs}u;\nvar<private> turns: array<vec2<u32>, pairs> = array<vec2<u32>, pairs>(${table});\n${text}`;
  for (const window of builder.windows([x])) {
    builder.dispatch({
      kernel: {
        label: "rotary",
        code,
        constants: { heads, stride: x.stride, sequence, first_position: firstPosition },
      },
      bindings: [{ group: 0, index: 1, tensor: x, access: "update", ...window }],
      parameters: { rows: window.rows, first_row: window.first, back: Number(back) },
      workgroups: Math.ceil(window.rows * pairs / elementThreads),
      flops: window.rows * pairs * (30 + 6 * heads),
    });
  }
}

/** Radians as turns, a fraction of 64 bits: its upper and its lower word. */
function turns(radians: number): [string, string] {
  const upper = radians / (2 * Math.PI) % 1 * 2 ** 32;
  return [`${Math.floor(upper)}u`, `${Math.floor(upper % 1 * 2 ** 32)}u`];
}
