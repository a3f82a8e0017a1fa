import { assert, assertEquals, assertThrows } from "@std/assert";
import { affine as affineReference } from "../../kernels/norms/layer_norm_reference.ts";
import { gelu as geluReference } from "../../kernels/activations/gelu_reference.ts";
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
} from "../../kernels/testing/testing.ts";
import {
  affine,
  gelu,
  type GeluKind,
  instantiate,
  type Operand,
  plain,
  readColumns,
  readRows,
  times,
} from "./operand.ts";
import type { Tensor } from "./tensor.ts";

/** out = what operand v reads. */
const copyText = `
struct Parameters { vectors: u32, stride: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
) {
  let at = (group.y * groups.x + group.x) * 64 + local;
  if (at < p.vectors) {
    out[at] = v_load4(at, at % p.stride);
  }
}`;

function copy({ builder, output }: TestProgram, v: Operand): Tensor {
  const { rows, cols, stride } = v.tensor;
  const out = output("out", rows, cols);
  for (const window of builder.windows([v.tensor])) {
    const vectors = window.rows * stride / 4;
    builder.dispatch({
      kernel: { label: "copy", code: v.code("v", 1) + copyText },
      bindings: [{ group: 0, index: 1, tensor: out, access: "write", ...window }, ...v.bindings(1, window)],
      parameters: { vectors, stride: stride / 4 },
      workgroups: Math.ceil(vectors / 64),
      flops: 0,
    });
  }
  return out;
}

const rows = 150;
const cols = 101;
const x = normals(rows * cols, 1);
const y = normals(rows * cols, 2);
const gamma = normals(cols, 3);
const beta = normals(cols, 4);
const kinds: readonly GeluKind[] = ["tanh", "erf"];
/**
 * tanh: u takes five roundings, the logistic function a sum, an exponential (its share that grows with 2u is damped by 1 - s) and a quotient.
 * erf: the rational function takes nine, an exponential (its share that grows with x²/2 is damped by itself) and a quotient, the result five.
 */
const roundings = { tanh: 6, erf: 14 };
const roundingsOf = (kind: GeluKind) => roundings[kind] + granted.exponential + granted.division;
const geluOf = (values: Float64Array, kind: GeluKind) => values.map((value) => geluReference(value, kind));

/** Reads an operand of x, y, γ and β whole and in windows, and compares it with what it stands for. */
async function check(
  make: (x: Operand, y: Operand, gamma: Tensor, beta: Tensor) => Operand,
  expected: Float64Array,
  limit: number,
): Promise<void> {
  for (const options of [{}, { limits: narrowLimits(64 * 104 * 4) }]) {
    await runTest(
      (t) => {
        const input = (name: string, values: Float64Array) =>
          t.input(name, values.length / cols, cols, values);
        return copy(
          t,
          make(plain(input("x", x)), plain(input("y", y)), input("gamma", gamma), input("beta", beta)),
        );
      },
      async (out, read) => assertClose(await read(out), expected, limit),
      options,
    );
  }
}

gpuTest(
  "affine() reads gamma * x + beta by column",
  () =>
    check(
      (x, _, gamma, beta) => affine(x, gamma, beta),
      affineReference(x, gamma, beta, rows, cols),
      tolerance(2),
    ),
);

gpuTest(
  "affine() without beta reads gamma * x by column",
  () =>
    check(
      (x, _, gamma) => affine(x, gamma),
      affineReference(x, gamma, undefined, rows, cols),
      tolerance(1),
    ),
);

gpuTest("gelu() reads GELU(x), by the tanh approximation or exactly", async () => {
  for (const kind of kinds) {
    await check((x) => gelu(x, kind), geluOf(x, kind), tolerance(roundingsOf(kind)));
  }
});

gpuTest("gelu() of an affine operand composes", async () => {
  const inner = affineReference(x, gamma, beta, rows, cols);
  for (const kind of kinds) {
    const expected = geluOf(inner, kind);
    // GELU's slope is at most 1.13: the rounding of what it reads is as large as that.
    const limit = tolerance(2 + roundingsOf(kind), 1.13 * norm(inner) / norm(expected));
    await check((x, _, gamma, beta) => gelu(affine(x, gamma, beta), kind), expected, limit);
  }
});

gpuTest("times() reads the product of two operands", () =>
  check(
    (x, y) => times(gelu(x, "erf"), gelu(y, "erf")),
    geluOf(x, "erf").map((value, i) => value * geluReference(y[i], "erf")),
    tolerance(1 + 2 * roundingsOf("erf")),
  ));

gpuTest(
  "readRows() reads some of the rows",
  () => check((x) => readRows(x, 64, 70), x.slice(64 * cols, 134 * cols), 0),
);

gpuTest("readColumns() reads some of the columns, whole vectors, of what any operand reads", async () => {
  const [first, width] = [24, 40];
  const inner = affineReference(x, gamma, undefined, rows, cols);
  await runTest((t) => {
    const scaled = affine(plain(t.input("x", rows, cols, x)), t.input("gamma", 1, cols, gamma));
    for (const [from, count] of [[2, 4], [4, 6]]) {
      assertThrows(() => readColumns(scaled, from, count), RangeError, "not whole vectors");
    }
    return copy(t, readColumns(scaled, first, width));
  }, async (out, read) => {
    const expected = inner.filter((_, i) => i % cols >= first && i % cols < first + width);
    assertClose(await read(out), expected, tolerance(1));
  });
});

gpuTest("gelu() is the identity or zero far from the origin, never NaN", async () => {
  const range = [1e4, 1e3, 88, 30, 14, 10, 6, 1e-30, 0, -1e-30, -6, -10, -14, -30, -88, -1e3, -1e4]
    .map(Math.fround);
  for (const kind of kinds) {
    const points = kind === "erf" ? [...range, 1e30, -1e30].map(Math.fround) : range; // the cube of 1e30 exceeds f32
    await runTest(
      (t) => copy(t, gelu(plain(t.input("x", 1, points.length, points)), kind)),
      async (out, read) => {
        (await read(out)).forEach((value, i) => {
          // GELU(x) = x·s with s at most 1.
          const bound = tolerance(roundingsOf(kind)) * Math.abs(points[i]);
          const error = Math.abs(value - geluReference(points[i], kind));
          assert(error <= bound, `GELU(${points[i]}) of kind ${kind} is ${value}`);
        });
      },
    );
  }
});

Deno.test("instantiate() writes a text for each name and group that it is asked for, every time", () => {
  for (const _ of [1, 2]) {
    for (const text of ["NAME of GROUP", "GROUP: NAME and NAME"]) {
      for (const [name, group] of [["a", 1], ["a", 12], ["a1", 2], ["b", 1]] as const) {
        const written = text.replace("GROUP", `${group}`).split("NAME").join(name);
        assertEquals(instantiate(text, name, group), written);
      }
    }
  }
});

Deno.test("Operands that wrap others keep the rows that belong together", () => {
  const tensor: Tensor = { name: "x", dtype: "f32", rows: 640, cols: 8, stride: 8, category: "transient" };
  const x: Operand = { ...plain(tensor), unit: 10 };
  const wrapped = [affine(x, tensor, tensor), gelu(x), readRows(x, 320, 320), times(plain(tensor), x)];
  assertEquals(wrapped.map(({ unit }) => unit), [10, 10, 10, 10]);
  assertEquals(times(x, { ...x, unit: 4 }).unit, 20);
});
