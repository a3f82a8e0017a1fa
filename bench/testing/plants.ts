/** Changes of the program that a comparison of two programs must find: the text that stands in a file, and what takes its place. */
export interface Plant {
  readonly path: string;
  readonly from: string;
  readonly to: string;
}

/** Runs the first `count` dispatches of each timed step twice. */
export const slower = (count: number): Plant => ({
  path: "src/gpu/program.ts",
  from: "encodePass(encoder, steps.slice(from, to), {",
  to:
    `encodePass(encoder, [...timestamps && from === 0 ? steps.slice(0, ${count}) : [], ...steps.slice(from, to)], {`,
});

/** Gives the largest buffer a byte more, and tells it in the plan. */
export const larger: readonly Plant[] = [
  {
    path: "src/memory/plan.ts",
    from: "bufferBytes: standingBytes + bytes,",
    to: "bufferBytes: standingBytes + bytes + 1,",
  },
  {
    path: "src/memory/plan.ts",
    from: "slots: { sizes,",
    to: "slots: { sizes: sizes.map((bytes, slot) => slot === 0 ? bytes + 1 : bytes),",
  },
];
