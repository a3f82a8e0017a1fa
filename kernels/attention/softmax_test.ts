import { assertThrows } from "@std/assert";
import { ProgramBuilder } from "../../src/gpu/builder.ts";
import { typicalGpuLimits } from "../../src/gpu/limits.ts";
import { plain } from "../../src/gpu/operand.ts";
import { padded } from "../../src/gpu/tensor.ts";
import { scoreColumns, softmaxBackward, softmaxForward, type SoftmaxShape } from "./softmax.ts";
import {
  softmaxBackward as backwardReference,
  softmaxForward as forwardReference,
} from "./softmax_reference.ts";
import {
  assertClose,
  gpuTest,
  granted,
  narrowLimits,
  norm,
  normals,
  runTest,
  type TestProgram,
  tolerance,
} from "../testing/testing.ts";

type Shape = SoftmaxShape & { readonly batch: number };

/** Rows of `sequence` values laid out by head; `between` goes to padding, and to what `causal` masks. */
function lay(values: Float64Array, { sequence, heads, causal }: Shape, between: number): Float64Array {
  const step = padded(sequence);
  const out = new Float64Array(values.length / sequence * step).fill(between);
  values.forEach((value, i) => {
    const [row, column] = [Math.floor(i / sequence), i % sequence];
    if (!causal || column < seenBy({ sequence, heads, causal })(row)) out[row * step + column] = value;
  });
  return out;
}

/** How many keys a row (of a token and head) sees. */
function seenBy({ sequence, heads, causal }: SoftmaxShape): (row: number) => number {
  return (row) => causal ? Math.floor(row / heads) % sequence + 1 : sequence;
}

const shapes: Shape[] = [
  { batch: 2, sequence: 37, heads: 3, causal: false },
  { batch: 2, sequence: 37, heads: 3, causal: true },
  { batch: 3, sequence: 1, heads: 2, causal: true },
  { batch: 1, sequence: 530, heads: 1, causal: true },
];
const windowed: Shape = { batch: 5, sequence: 64, heads: 2, causal: true };
/** Windows of two sequences. */
const narrow = { limits: narrowLimits(2 * 64 * 2 * 64 * 4) };

for (const shape of [...shapes, windowed]) {
  const { batch, sequence, heads, causal } = shape;
  const rows = batch * sequence;
  const options = shape === windowed ? narrow : {};
  const name = `${batch}×${sequence} tokens, ${heads} heads${causal ? ", causal" : ""}${
    shape === windowed ? ", over windows" : ""
  }`;

  gpuTest(`softmaxForward() equals the reference, in place too: ${name}`, async () => {
    // Large scores, so that an exponential of one that is not reduced by the row's maximum would overflow.
    const s = normals(rows * heads * sequence, 1, 2).map((value) => Math.fround(value + 200));
    const expected = lay(forwardReference(s, sequence, seenBy(shape)), shape, 0);
    // Exponentials of differences down from 0; those below -8 are too small to count.
    const limit = tolerance(sequence + 2 * (granted.exponential + 4 * 8) + granted.division);
    const emit = (t: TestProgram, inPlace: boolean) => {
      const input = t.input("s", rows, scoreColumns(shape), lay(s, shape, NaN));
      const p = inPlace ? input : t.output("p", rows, scoreColumns(shape));
      softmaxForward(t.builder, input, p, shape);
      return p;
    };
    for (const inPlace of [false, true]) {
      await runTest(
        (t) => emit(t, inPlace),
        async (p, read) => assertClose(await read(p), expected, limit),
        options,
      );
    }
  });

  gpuTest(`softmaxBackward() equals the reference in the place of dP: ${name}`, async () => {
    const p = forwardReference(normals(rows * heads * sequence, 1, 2), sequence, seenBy(shape))
      .map(Math.fround);
    const dP = normals(p.length, 2);
    const dS = backwardReference(p, dP, sequence);
    // p·dP and p·rowsum(p·dP) cancel; a row of one key leaves exactly nothing.
    const absolute = backwardReference(p, dP.map(Math.abs), sequence);
    const magnitudes = p.map((value, i) => 2 * value * Math.abs(dP[i]) - absolute[i]);
    const limit = sequence === 1 ? 0 : tolerance(sequence + 3, norm(magnitudes) / norm(dS));
    await runTest(
      (t) => {
        const d = t.input("dP", rows, scoreColumns(shape), lay(dP, shape, NaN));
        const kept = t.input("p", rows, scoreColumns(shape), lay(p, shape, 0));
        softmaxBackward(t.builder, plain(kept), d, shape);
        return d;
      },
      async (d, read) => assertClose(await read(d), lay(dS, shape, 0), limit),
      options,
    );
  });
}

Deno.test("softmaxForward() refuses matrices of another width", () => {
  const builder = new ProgramBuilder("test", { limits: typicalGpuLimits, adapterClass: "gpu" });
  const s = builder.tensor("s", 6, 24, { category: "transient" });
  assertThrows(
    () => softmaxForward(builder, s, s, { sequence: 3, heads: 2, causal: false }),
    RangeError,
    "s has 24 columns where 8 are expected",
  );
});
