import { assert, assertEquals } from "@std/assert";
import { endOfStep } from "../../kernels/products/scales.ts";
import {
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
import { policyNamed } from "../storage/policies.ts";
import { attention } from "./attention.ts";
import { Tape } from "./tape.ts";

const cannotRun = await noMatrices();

/** Emits an attention layer, there and back; N×(H·headSize) in `d`. */
function emit(
  builder: ProgramBuilder,
  policy: string,
  shape: Parameters<typeof attention>[1],
  qkv: Tensor,
  d: Tensor,
) {
  const layer = attention("attn", shape, { layer: 0, heads: shape.heads });
  const { y, backward } = layer(Tape.training(builder, policyNamed(policy)), { exact: plain(qkv) });
  return { o: y.exact.tensor, dqkv: backward(d) };
}

const written = ({ dispatches }: ReturnType<ProgramBuilder["build"]>) =>
  dispatches.filter(({ kernel, operator }) => kernel.label === "materialize" && operator === "attention")
    .length;

for (const arithmetic of ["f16", "f16x3"] as const) {
  for (const policy of ["mesa8", "token8", "half"]) {
    gpuTest(
      `In ${arithmetic}, backward under ${policy} finds the same bits in what is stored and in what is written out`,
      async () => {
        for (const [heads, headSize] of [[2, 8], [4, 11], [2, 11]]) {
          const shape = { batch: 2, sequence: 77, heads, headSize, causal: true };
          const [rows, width] = [2 * 77, heads * headSize];
          const run = async (options: Partial<BuilderOptions>) => {
            const scales = new OperandScales();
            const found: unknown[] = [];
            let copies = 0;
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
                for (const tensor of [o, dqkv]) found.push(await read(tensor));
                found.push(new Uint32Array(await program.read(scales.of("d attn"))));
              }
            }, { arithmetic, scales, times: 0, ...options });
            return { found, copies };
          };
          const inPlace = await run({});
          const copied = await run({ spare: () => Infinity });
          assertEquals([inPlace.copies, copied.copies], [0, 3 * Number(width % 4 === 0)]);
          assertEquals(copied.found, inPlace.found);
          // What a binding cannot have whole stays as it is.
          const narrow = { limits: narrowLimits(128 * padded(3 * width) * 4) };
          const windowed = await run({ ...narrow, spare: () => Infinity });
          assertEquals(windowed.copies, 0);
          assertEquals(windowed.found, (await run(narrow)).found);
        }
      },
      cannotRun,
    );
  }
}

Deno.test("In halves attention's backward writes out what is stored, where that raises no live peak", () => {
  const shape = { batch: 2, sequence: 256, heads: 4, headSize: 64, causal: true };
  const [rows, width] = [512, 256];
  const category = "transient";
  /** A step whose peak is elsewhere, `over` bytes above what lives in backward. */
  const described = (policy: string, arithmetic: "f32" | "f16", elsewhere: number) => {
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
  for (const policy of ["mesa8", "token8", "half"]) {
    // The least that must live elsewhere for it, to four bytes.
    let [none, all] = [0, 64 * copy];
    while (all - none > 4) {
      const middle = none + Math.floor((all - none) / 8) * 4;
      if (described(policy, "f16", middle) > 0) all = middle;
      else none = middle;
    }
    assert(all > copy, `${policy}: ${all}`);
    assertEquals([described(policy, "f16", 64 * copy), described(policy, "f32", 64 * copy)], [3, 0]);
  }
  assertEquals(described("exact", "f16", 64 * copy), 0);
});
