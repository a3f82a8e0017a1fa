import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { BuilderOptions } from "../../src/gpu/builder.ts";
import { plain } from "../../src/gpu/operand.ts";
import { OperandScales } from "../../src/gpu/operand_scales.ts";
import type { Program } from "../../src/gpu/program.ts";
import type { Tensor } from "../../src/gpu/tensor.ts";
import { endOfStep, numbersSeen } from "../products/scales.ts";
import { seenOf } from "../products/scales_testing.ts";
import {
  assertClose,
  gpuTest,
  halvesTolerance,
  narrowLimits,
  noMatrices,
  normals,
  padRows,
  runTest,
  tolerance,
} from "../testing/testing.ts";
import { attentionBackward, attentionForward } from "./attention.ts";
import type { AttentionShape } from "./attention_shape.ts";
import { attentionForward as forwardReference } from "./attention_reference.ts";

const missing = await noMatrices();

const aShape = { batch: 2, sequence: 21, heads: 3, headSize: 8, causal: true };
type Operand = "q" | "k" | "v" | "d";
type Seen = Record<Operand | "p" | "ds", { largest: number; clipped: number }>;

/** Sizes of operands of normal numbers. Scores stay of order one where those of q and k are each other's inverses. */
type Sizes = Record<Operand, number>;
const sizes = (changes: Partial<Sizes> = {}): Sizes => ({ q: 1, k: 1, v: 1, d: 1, ...changes });

function values({ batch, sequence, heads, headSize }: AttentionShape, by: Sizes, seed = 1) {
  const [rows, width] = [batch * sequence, heads * headSize];
  const parts = (["q", "k", "v"] as const).map((x, i) => normals(rows * width, 10 * seed + i, by[x]));
  const qkv = Float64Array.from(
    { length: 3 * rows * width },
    (_, at) => parts[Math.floor(at / width) % 3][Math.floor(at / (3 * width)) * width + at % width],
  );
  return { qkv, d: normals(rows * width, 10 * seed + 3, by.d) };
}

/** Of N×3C, one of the three N×C side by side. */
const partOf = (qkv: Float64Array, part: number, { heads, headSize }: AttentionShape) =>
  qkv.filter((_, at) => Math.floor(at / (heads * headSize)) % 3 === part);

const largestOf = (x: Iterable<number>) => [...x].reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** The largest absolute value that halves hold by the scale which follows from the largest that was seen. */
const reach = (largest: number) => 65504 / 2 ** (10 - Math.ceil(Math.log2(largest)));

/**
 * What kernels should give: operands, and in backward dS too, clipped at `limits` and counted. P and dS as they are before.
 */
function reference(
  given: ReturnType<typeof values>,
  shape: AttentionShape,
  limits: Partial<Record<Operand | "p" | "ds", number>> = {},
) {
  const { heads, headSize, sequence, causal } = shape;
  const width = heads * headSize;
  const clipped = { q: 0, k: 0, v: 0, d: 0, p: 0, ds: 0 };
  const clip = (x: keyof typeof clipped, value: number) => {
    const limit = limits[x] ?? Infinity;
    if (Math.abs(value) > limit) clipped[x]++;
    return Math.max(-limit, Math.min(limit, value));
  };
  const qkv = given.qkv.map((x, at) => clip((["q", "k", "v"] as const)[Math.floor(at / width) % 3], x));
  const { output, logSumExp } = forwardReference(qkv, shape);
  const d = given.d.map((x) => clip("d", x));
  const dqkv = new Float64Array(qkv.length);
  const found = { p: 0, ds: 0 };
  for (let row = 0; row < d.length / width; row++) {
    const first = row - row % sequence;
    for (let head = 0; head < heads; head++) {
      const at = (other: number, part: number, i: number) =>
        other * 3 * width + part * width + head * headSize + i;
      const own = (i: number) => row * width + head * headSize + i;
      const over = (term: (i: number) => number) => {
        let sum = 0;
        for (let i = 0; i < headSize; i++) sum += term(i);
        return sum;
      };
      const delta = over((i) => given.d[own(i)] * output[own(i)]); // f32: nothing is clipped
      for (let other = first; other < (causal ? row + 1 : first + sequence); other++) {
        const s = over((i) => qkv[at(row, 0, i)] * qkv[at(other, 1, i)]) / Math.sqrt(headSize);
        const p = Math.exp(s - logSumExp[row * heads + head]);
        const ds = p * (over((i) => d[own(i)] * qkv[at(other, 2, i)]) - delta);
        found.p = Math.max(found.p, p);
        found.ds = Math.max(found.ds, Math.abs(ds));
        const [keptP, keptDs] = [clip("p", p), clip("ds", ds)];
        for (let i = 0; i < headSize; i++) {
          dqkv[at(row, 0, i)] += keptDs * qkv[at(other, 1, i)] / Math.sqrt(headSize);
          dqkv[at(other, 1, i)] += keptDs * qkv[at(row, 0, i)] / Math.sqrt(headSize);
          dqkv[at(other, 2, i)] += keptP * d[own(i)];
        }
      }
    }
  }
  return { output, dqkv, clipped, ...found };
}

interface Step {
  readonly o: Float64Array;
  readonly dqkv: Float64Array;
  readonly forward: Seen;
  readonly backward: Seen;
}

const clippedIn = ({ forward, backward }: Step) =>
  [forward, backward].flatMap((seen) => Object.values(seen)).reduce((sum, { clipped }) => sum + clipped, 0);

/** A step of attention, forward and backward, whose operands are scaled by what the step before saw. */
async function scaled(
  arithmetic: "f16x3" | "f16",
  shape: AttentionShape,
  work: (step: (given: ReturnType<typeof values>) => Promise<Step>, program: Program) => Promise<void>,
  options: Partial<BuilderOptions> = {},
): Promise<void> {
  const { batch, sequence, heads, headSize } = shape;
  const [rows, width] = [batch * sequence, heads * headSize];
  const scales = new OperandScales();
  await runTest(
    ({ builder, input, output }) => {
      const [qkv, d] = [input("qkv", rows, 3 * width, []), input("d", rows, width, [])];
      const [o, lse] = [output("o", rows, width), output("log-sum-exp", rows, heads, { stride: heads })];
      const dqkv = output("dqkv", rows, 3 * width);
      attentionForward(builder, plain(qkv), o, lse, shape, {
        scaling: { key: "attention", observes: true },
      });
      attentionBackward(builder, plain(qkv), plain(o), lse, d, dqkv, shape, {
        scaling: { key: "d attention", observes: true },
      });
      endOfStep(builder);
      return { qkv, d, o, dqkv };
    },
    async ({ qkv, d, o, dqkv }, read, program) => {
      const words = async (tensor: Tensor) => new Uint32Array(await program.read(tensor));
      const seen = async (key: string) => seenOf(await words(scales.of(key)), (await words(scales.turn))[0]);
      const keys = ["attention", "d attention"];
      await work(async (given) => {
        program.write(qkv, padRows(given.qkv, qkv));
        program.write(d, padRows(given.d, d));
        const before = await Promise.all(keys.map(seen));
        program.run();
        const [forward, backward] = (await Promise.all(keys.map(seen))).map((operands, i) => {
          const [q, k, v, d, p, ds] = operands.map(({ largest, clipped }, operand) => ({
            largest,
            clipped: clipped - before[i][operand].clipped, // by this step
          }));
          return { q, k, v, d, p, ds };
        });
        return { o: await read(o), dqkv: await read(dqkv), forward, backward };
      }, program);
    },
    { arithmetic, scales, times: 0, ...options },
  );
}

/** As `attention_matrix_test.ts` allows, of errors by norm: dq, dk and dv each. */
function assertRight(
  { o, dqkv }: Step,
  expected: { output: Float64Array; dqkv: Float64Array },
  arithmetic: "f16x3" | "f16",
  shape: AttentionShape,
  what: string,
) {
  const { headSize, sequence } = shape;
  const rounding = tolerance(headSize + sequence, 6);
  const limit = arithmetic === "f16x3" ? rounding : 2 * halvesTolerance(headSize) + rounding;
  assertClose(o, expected.output, limit, `${what}: output`);
  for (const [part, name] of ["dq", "dk", "dv"].entries()) {
    assertClose(partOf(dqkv, part, shape), partOf(expected.dqkv, part, shape), limit, `${what}: ${name}`);
  }
}

const inPieces = { batch: 1, sequence: 21, heads: 3, headSize: 11, causal: false };
for (
  const [arithmetic, shape] of [["f16x3", aShape], ["f16", aShape], ["f16x3", inPieces]] as const
) {
  const { batch, sequence, heads, headSize, causal } = shape;
  gpuTest(
    `attention in ${arithmetic} by heads of ${headSize} goes by what the first step has, then by what the last one had`,
    async () => {
      await scaled(arithmetic, shape, async (step, program) => {
        const [numbers, pairs] = [
          batch * sequence * heads * headSize,
          sequence * (causal ? sequence + 1 : 2 * sequence) / 2,
        ];
        assertEquals(numbersSeen(program.description.dispatches), 7 * numbers + 2 * batch * heads * pairs);
        // As they are, halves would hold none of these.
        for (
          const [i, by] of [
            { q: 3000, k: 1 / 3000, v: 3000, d: 1e-9 },
            { q: 9000, k: 1 / 9000, v: 2e4, d: 3e-9 },
            { q: 2e5, k: 5e-6, v: 5e5, d: 3e-9 },
            { q: 3000, k: 1 / 9000, v: 30, d: 6e-8 },
          ].entries()
        ) {
          const given = values(shape, by, i);
          const found = await step(given);
          const expected = reference(given, shape);
          assertRight(found, expected, arithmetic, shape, `step ${i + 1}`);
          const largest = [0, 1, 2].map((part) => largestOf(partOf(given.qkv, part, shape)));
          for (const { q, k, v } of [found.forward, found.backward]) {
            assertEquals([q.largest, k.largest, v.largest], largest);
          }
          assertEquals(found.backward.d.largest, largestOf(given.d));
          for (const made of ["p", "ds"] as const) {
            assertAlmostEquals(found.backward[made].largest / expected[made], 1, 1e-2, made);
          }
          assertEquals(clippedIn(found), 0);
        }
      });
    },
    missing,
  );
}

const inWindows = { batch: 3, sequence: 64, heads: 1, headSize: 8, causal: true };
for (
  const [what, shape, options] of [
    ["at once", aShape, {}],
    ["cut into windows of sequences and blocks", inWindows, {
      limits: narrowLimits(64 * 24 * 4),
      flopsPerDispatch: 1,
    }],
  ] as const
) {
  gpuTest(
    `attention ${what} clips what its scales leave too large, and counts each number once`,
    async () => {
      const before = sizes({ q: 0.1, k: 0.1 });
      await scaled("f16x3", shape, async (step) => {
        for (const jumps of ["q", "k", "v", "d"] as const) {
          let last: Step | undefined;
          for (const seed of [1, 2]) last = await step(values(shape, before, seed)); // the second sees no jump before it
          const limits = Object.fromEntries(
            Object.entries(last!.backward).map(([x, { largest }]) => [x, reach(largest)]),
          );
          const given = values(shape, sizes({ ...before, [jumps]: 300 * before[jumps] }), 3);
          const expected = reference(given, shape, limits);
          assert(
            expected.clipped[jumps] > 50,
            `${expected.clipped[jumps]} clipped numbers of ${jumps} show little`,
          );
          const found = await step(given);
          assertRight(found, expected, "f16x3", shape, jumps);
          for (const x of ["q", "k", "v"] as const) {
            assertEquals(found.forward[x].clipped, expected.clipped[x], x);
          }
          for (const x of ["q", "k", "v", "d", "p", "ds"] as const) {
            assertEquals(found.backward[x].clipped, expected.clipped[x], `backward's ${x}`);
          }
          const next = await step(given);
          assertRight(next, reference(given, shape), "f16x3", shape, `after ${jumps}`);
          assertEquals(clippedIn(next), 0);
        }
      }, options);
    },
    missing,
  );
}

gpuTest(
  "attention clips and counts probabilities and gradients of scores that grow too much in a step",
  async () => {
    const wide = { batch: 1, sequence: 150, heads: 1, headSize: 8, causal: false };
    await scaled("f16x3", wide, async (step) => {
      const last = await step(values(wide, sizes({ q: 0.1, k: 0.1 })));
      const given = values(wide, sizes({ q: 3, k: 3, d: 10 }));
      const { q, k, v, d, p, ds } = last.backward;
      assert(p.largest < 0.01 && p.clipped === 0, `a probability of ${p.largest}`);
      const limits = { p: reach(p.largest), ds: reach(ds.largest) };
      const expected = reference(given, wide, limits);
      assert(expected.clipped.p > 5 && expected.clipped.ds > 5, "nothing is clipped");
      const found = await step(given);
      assertRight(found, expected, "f16x3", wide, "jump");
      assertEquals([found.backward.p.clipped, found.backward.ds.clipped], [
        expected.clipped.p,
        expected.clipped.ds,
      ]);
      assertEquals([q, k, v, d].map(({ clipped }) => clipped), [0, 0, 0, 0]);
      assertRight(await step(given), reference(given, wide), "f16x3", wide, "after the jump");
    });
  },
  missing,
);

gpuTest("attention sees nothing beyond a sequence that ends within a block", async () => {
  const shape = { batch: 1, sequence: 21, heads: 1, headSize: 8, causal: false };
  await scaled("f16x3", shape, async (step) => {
    const { qkv, d } = values(shape, sizes());
    // All scores are -25, so that one of 0 would have a probability of e²².
    const negative = qkv.map((x, at) => [3, -3, x][Math.floor(at / 8) % 3]);
    const found = await step({ qkv: negative, d });
    assertAlmostEquals(found.backward.p.largest, 1 / 21, 1e-6);
    assertAlmostEquals(found.backward.ds.largest / reference({ qkv: negative, d }, shape).ds, 1, 1e-4);
    assertEquals(clippedIn(found), 0);
  });
}, missing);

gpuTest(
  "attention that does not observe goes by the last step's scales, and leaves what was seen",
  async () => {
    const scales = new OperandScales();
    const first = values(aShape, sizes({ q: 3000, k: 1 / 3000, v: 3000 }));
    const other = values(aShape, sizes({ q: 1e-3, k: 1e-3, v: 1e7 }), 2);
    await runTest(({ builder, input, output }) => {
      const forward = (name: string, qkv: Float64Array, observes: boolean) => {
        const x = input(`${name} qkv`, 42, 72, qkv);
        const o = output(`${name} o`, 42, 24);
        const lse = output(`${name} log-sum-exp`, 42, 3, { stride: 3 });
        attentionForward(builder, plain(x), o, lse, aShape, { scaling: { key: "attention", observes } });
        return o;
      };
      const made = { o: forward("first", first.qkv, true), same: forward("same", first.qkv, false) };
      const others = forward("other", other.qkv, false);
      endOfStep(builder);
      return { ...made, others };
    }, async ({ o, same, others }, read, program) => {
      assertEquals(await read(same), await read(o));
      const limit = reach(largestOf(partOf(first.qkv, 2, aShape)));
      assert(largestOf(other.qkv) > 10 * limit);
      const clipped = reference(other, aShape, { v: limit }).output;
      // Its q and k are 2⁻³² times what the scales are made for, so that all scores are nothing.
      assertClose(await read(others), clipped, 1e-5, "others");
      const words = async (tensor: Tensor) => new Uint32Array(await program.read(tensor));
      const [turn] = await words(scales.turn);
      const [q, k, v] = seenOf(await words(scales.of("attention")), turn);
      assertEquals(
        [q, k, v],
        [0, 1, 2].map((part) => ({
          largest: largestOf(partOf(first.qkv, part, aShape)),
          clipped: 0,
        })),
      );
    }, { arithmetic: "f16x3", scales });
  },
  missing,
);
