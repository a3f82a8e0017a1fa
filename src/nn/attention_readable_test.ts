import { assert, assertEquals } from "@std/assert";
import { endOfStep, numbersSeen } from "../../kernels/products/scales.ts";
import {
  digestOf,
  gpuTest,
  narrowLimits,
  noMatrices,
  normals,
  padRows,
  runTest,
  stepBlock,
} from "../../kernels/testing/testing.ts";
import { type BuilderOptions, gpuWith, ProgramBuilder } from "../gpu/builder.ts";
import { typicalGpuLimits } from "../gpu/limits.ts";
import { plain } from "../gpu/operand.ts";
import { OperandScales } from "../gpu/operand_scales.ts";
import { stepTensor } from "../gpu/step_block.ts";
import { padded, type Tensor } from "../gpu/tensor.ts";
import { describeWithinPeak } from "../gpu/within_peak.ts";
import { livePeak } from "../memory/live.ts";
import { createPolicy } from "../storage/policies.ts";
import { policyNamed } from "../storage/testing.ts";
import { parsePolicy } from "../storage/policy_document.ts";
import { attention, savedQkv } from "./attention.ts";
import { recompute } from "./recompute.ts";
import { Tape } from "./tape.ts";

const cannotRun = await noMatrices();

/** Tokens of a sequence that is worth halves, and no whole blocks of it. */
const long = 1037;

const madeAgain = "mesa8 with outputs made again";
const policyOf = (name: string) =>
  name === madeAgain
    ? createPolicy(parsePolicy({ name, rules: [{ tensors: ["output"], recompute: true }] }, name))
    : policyNamed(name);

/** Emits an attention layer, there and back; N×(H·headSize) in `d`. */
function emit(
  builder: ProgramBuilder,
  policy: string,
  shape: Parameters<typeof attention>[1],
  qkv: Tensor,
  d: Tensor,
) {
  const place = { layer: 0, heads: shape.heads };
  const output = { kind: "output" as const, ...place };
  const layer = recompute(attention("attn", shape, place), output, savedQkv("attn", place, shape));
  const { y, backward } = layer(Tape.training(builder, policyOf(policy)), { exact: plain(qkv) });
  return { o: y.exact.tensor, dqkv: backward(d) };
}

/** The operands that attention writes out, in order, by the names that they have then. */
const written = ({ dispatches }: ReturnType<ProgramBuilder["build"]>) =>
  dispatches.filter(({ kernel: { label }, operator }) =>
    ["materialize", "scaled_halves"].includes(label) && operator === "attention"
  ).map(({ bindings }) => bindings.find(({ access }) => access === "write")!.tensor.name);
const inF32 = ["queries", "keys", "values"];
const inHalves = inF32.map((name) => `${name} (scaled)`);

/** Three steps of an attention layer: what it gave and saw, and what it wrote out. */
async function steps(
  policy: string,
  shape: { batch: number; sequence: number; heads: number; headSize: number; causal: boolean },
  options: Partial<BuilderOptions>,
) {
  const [rows, width] = [shape.batch * shape.sequence, shape.heads * shape.headSize];
  const scales = new OperandScales();
  const found: unknown[] = [];
  let copies: string[] = [];
  await runTest(({ builder, fill, input }) => {
    fill(stepTensor, stepBlock({ seed: 5 }));
    const [qkv, d] = [input("qkv", rows, 3 * width, []), input("d", rows, width, [])];
    const made = emit(builder, policy, shape, qkv, d);
    endOfStep(builder);
    return { qkv, d, ...made };
  }, async ({ qkv, d, o, dqkv }, read, program) => {
    copies = written(program.description);
    for (const step of [1, 2, 3]) {
      program.write(qkv, padRows(normals(rows * 3 * width, step, 2 ** step), qkv));
      program.write(d, padRows(normals(rows * width, 10 + step), d));
      program.run();
      for (const tensor of [o, dqkv]) {
        found.push(`${tensor.name}: ${await digestOf(await read(tensor))}`);
      }
      for (const key of ["attn", "d attn"]) {
        found.push(new Uint32Array(await program.read(scales.of(key))));
      }
    }
    found.push(numbersSeen(program.description.dispatches));
  }, { scales, times: 0, ...options });
  return { found, copies };
}

for (const arithmetic of ["f16", "f16x3"] as const) {
  for (const policy of ["mesa8", "token8", "half", madeAgain]) {
    gpuTest(
      `In ${arithmetic}, attention under ${policy} finds the same bits in what is stored and in what is written out`,
      async () => {
        for (const [heads, headSize] of [[2, 8], [4, 11], [2, 11]]) {
          const shape = { batch: 2, sequence: 77, heads, headSize, causal: true };
          const width = heads * headSize;
          const run = (options: Partial<BuilderOptions>) => steps(policy, shape, { arithmetic, ...options });
          const inPlace = await run({});
          const copied = await run({ spare: () => Infinity });
          const three = arithmetic === "f16" && headSize % 8 === 0 ? inHalves : inF32;
          const expected = policy === madeAgain ? [...three, ...three] : three;
          assertEquals(inPlace.copies, []);
          assertEquals(copied.copies, width % 4 === 0 ? expected : []);
          assertEquals(copied.found, inPlace.found);
          // A binding has each of the three, but not what backward writes.
          const narrow = { limits: narrowLimits(128 * padded(3 * width) * 4) };
          const windowed = await run({ ...narrow, spare: () => Infinity });
          assertEquals(windowed.copies, copied.copies);
          assertEquals(windowed.found, (await run(narrow)).found);
          assertEquals(windowed.found, inPlace.found);
        }
      },
      cannotRun,
    );
  }
}

gpuTest(
  "In f16 attention over long sequences finds the same bits in scaled halves of what is not stored",
  async () => {
    for (const causal of [true, false]) {
      const shape = { batch: 1, sequence: long, heads: 1, headSize: 8, causal };
      const run = (options: Partial<BuilderOptions>) =>
        steps("exact", shape, { arithmetic: "f16", ...options });
      const [inPlace, halves] = [await run({}), await run({ spare: () => Infinity })];
      assertEquals(inPlace.copies, []);
      assertEquals(halves.copies, [
        ...inHalves, // forward
        ...inHalves, // backward
        "output gradients (scaled)",
      ]);
      assertEquals(halves.found, inPlace.found);
      // A binding has fewer rows of q, k and v side by side than there are, but all of each of their halves.
      const limits = narrowLimits(512 * 24 * 4);
      const windowed = await run({ limits, spare: () => Infinity });
      const inWindows = (name: string) => inHalves.includes(name) ? [name, name, name] : [name];
      assertEquals(windowed.copies, halves.copies.flatMap(inWindows));
      assertEquals(windowed.found, inPlace.found);
      // Not even these.
      const larger = await steps("exact", { ...shape, batch: 3 }, {
        ...{ arithmetic: "f16", limits, spare: () => Infinity },
      });
      assertEquals(larger.copies, []);
    }
  },
  cannotRun,
);

Deno.test("On matrices attention writes out what is dear to read, where that raises no live peak", () => {
  const [rows, width] = [2048, 256];
  const category = "transient";
  /** What a step writes whose peak is elsewhere, so many bytes in one tensor. */
  const described = (
    policy: string,
    arithmetic: "f32" | "f16x3" | "f16",
    sequence: number,
    elsewhere: number,
  ) => {
    const shape = { batch: rows / sequence, sequence, heads: 4, headSize: 64, causal: true };
    const options = { ...gpuWith(typicalGpuLimits), arithmetic, scales: new OperandScales() };
    const record = (builder: ProgramBuilder) => {
      const [qkv, d] = [3 * width, width].map((cols) => builder.tensor("x", rows, cols, { category }));
      const { dqkv } = emit(builder, policy, shape, qkv, d);
      const large = builder.tensor("large", 1, elsewhere / 4, { category });
      const binding = (tensor: Tensor, index: number) =>
        [{ group: 0, index, tensor, access: "read" }] as const;
      for (const bindings of [binding(dqkv, 1), binding(large, 1)]) {
        builder.dispatch({
          kernel: { label: "read", code: "" },
          bindings,
          ...{ parameters: {}, workgroups: 1, flops: 0 },
        });
      }
    };
    const inPlace = new ProgramBuilder("in place", options);
    record(inPlace);
    const within = describeWithinPeak("within", options, record);
    const [before, after] = [inPlace.build(), within].map(({ claims }) => livePeak(claims).bytes);
    assert(after <= before, `${policy}: ${after} bytes live for ${before}`);
    return written(within);
  };
  const copy = 4 * rows * 3 * width;
  const much = 64 * copy;
  for (const policy of ["mesa8", "token8", "half"]) {
    for (const [arithmetic, bytes] of [["f16", copy / 2], ["f16x3", copy]] as const) {
      // The least that must live elsewhere for it, to four bytes.
      let [none, all] = [0, much];
      while (all - none > 4) {
        const middle = none + Math.floor((all - none) / 8) * 4;
        if (described(policy, arithmetic, 256, middle).length > 0) all = middle;
        else none = middle;
      }
      assert(all > 2 * bytes, `${policy}: ${all}`);
      assertEquals(described(policy, arithmetic, 256, all), arithmetic === "f16" ? inHalves : inF32);
    }
    assertEquals(described(policy, "f32", 256, much), []);
  }
  assertEquals(described("exact", "f16", 1024, much), []);
  assertEquals(described("exact", "f16x3", 2048, much), []);
  assertEquals(described("exact", "f16", 2048, much), [
    ...inHalves, // forward
    ...inHalves,
    "output gradients (scaled)",
  ]);
});
