import { assert } from "@std/assert";
import { ProgramBuilder } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { affine, plain } from "../../src/gpu/operand.ts";
import { padded } from "../../src/gpu/tensor.ts";
import { affine as affineOf } from "../norms/layer_norm_reference.ts";
import { assertClose, gpuTest, narrowLimits, norm, normals, runTest, tolerance } from "../testing/testing.ts";
import { attentionBackward } from "./attention.ts";
import { attentionDelta } from "./attention_delta.ts";
import { attentionDelta as deltaReference } from "./attention_reference.ts";

const cases = [
  { rows: 37, heads: 3, headSize: 20 },
  { rows: 150, heads: 5, headSize: 11 },
  { rows: 70, heads: 7, headSize: 1 },
  { rows: 1, heads: 1, headSize: 64 },
];

for (const { rows, heads, headSize } of cases) {
  gpuTest(`attentionDelta() equals the reference: ${rows} rows, ${heads} heads of ${headSize}`, async () => {
    const width = heads * headSize;
    const [d, x] = [normals(rows * width, 1), normals(rows * width, 2)];
    const [gamma, beta] = [normals(width, 3), normals(width, 4)];
    const o = affineOf(x, gamma, beta, rows, width);
    const expected = deltaReference(d, o, headSize);
    // Products cancel against each other, and in each o the product of γ against β.
    const magnitudes = affineOf(x.map(Math.abs), gamma.map(Math.abs), beta.map(Math.abs), rows, width);
    const summed = deltaReference(d.map(Math.abs), magnitudes, headSize);
    const limit = tolerance(headSize + 2, norm(summed) / norm(expected));
    const narrow = { limits: narrowLimits(64 * padded(width) * 4) };
    for (const options of [{}, narrow, { adapterClass: "gpu" }, { adapterClass: "software" }] as const) {
      await runTest(
        (t) => {
          const read = affine(
            plain(t.input("x", rows, width, x)),
            t.input("γ", 1, width, gamma),
            t.input("β", 1, width, beta),
          );
          const delta = t.output("delta", rows, heads, { stride: heads });
          attentionDelta(t.builder, plain(t.input("d", rows, width, d)), read, delta, headSize);
          return delta;
        },
        async (delta, read) => assertClose(await read(delta), expected, limit),
        options,
      );
    }
  });
}

Deno.test("attentionBackward() has read o before it writes dqkv", () => {
  const builder = new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
  const shape = { batch: 2, sequence: 37, heads: 3, headSize: 20, causal: true };
  const tensor = (name: string, cols: number, stride = padded(cols)) =>
    builder.tensor(name, 74, cols, { category: "transient", stride });
  const [qkv, o, d, dqkv] = [tensor("qkv", 180), tensor("o", 60), tensor("d", 60), tensor("dqkv", 180)];
  attentionBackward(builder, plain(qkv), plain(o), tensor("log-sum-exp", 3, 3), d, dqkv, shape);
  const { dispatches } = builder.build();
  const binds = (wanted: typeof o) => ({ bindings }: typeof dispatches[number]) =>
    bindings.some(({ tensor }) => tensor === wanted);
  assert(dispatches.findLastIndex(binds(o)) < dispatches.findIndex(binds(dqkv)));
});
