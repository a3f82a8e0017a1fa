import { assertEquals } from "@std/assert";
import { gpuTest, normals, runTest } from "../../kernels/testing/testing.ts";
import { storeHalf } from "../storage/half.ts";
import { storeByTokens } from "../storage/quantize.ts";
import type { ProgramBuilder } from "./builder.ts";
import { cutRows } from "./limits.ts";
import { affine, gelu, type Operand, plain } from "./operand.ts";
import { inWindows } from "./operand_windows.ts";
import type { Tensor } from "./tensor.ts";

/** out = what operand v reads. */
const copyText = `
struct Parameters { vectors: u32, stride: u32 }
@group(0) @binding(0) var<uniform> p: Parameters;
@group(0) @binding(1) var<storage, read_write> out: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let at = group.x * 64 + local;
  if (at < p.vectors) {
    out[at] = v_load4(at, at % p.stride);
  }
}`;

const [rows, cols, first] = [300, 101, 64];

/** Copies the rows from `first` on. */
function copy(builder: ProgramBuilder, v: Operand, out: Tensor): void {
  const vectors = out.rows * out.stride / 4;
  builder.dispatch({
    kernel: { label: "copy", code: v.code("v", 1) + copyText },
    bindings: [{ group: 0, index: 1, tensor: out, access: "write" }, ...v.bindings(1)],
    parameters: { vectors, stride: out.stride / 4 },
    workgroups: Math.ceil(vectors / 64),
    flops: 0,
  });
}

const readers: Record<string, (builder: ProgramBuilder, x: Tensor, gamma: Tensor) => Operand> = {
  "an f32 matrix": (_, x) => plain(x),
  "GELU of a scaled one": (_, x, gamma) => gelu(affine(plain(x), gamma)),
  "16 bits": (builder, x) => storeHalf(builder, x, "saved"),
  "8 bits by token": (builder, x) =>
    storeByTokens(builder, x, 1, { bits: 8, rounding: "nearest", stream: 0, category: "saved" }),
};
for (const [name, readerOf] of Object.entries(readers)) {
  gpuTest(`inWindows() reads ${name} as one binding does, whatever the windows`, async () => {
    const windowed = (size: number) =>
      cutRows(rows - first, size).map((window) => ({ ...window, first: first + window.first }));
    await runTest((t) => {
      const x = t.input("x", rows, cols, normals(rows * cols, 1));
      const reader = readerOf(t.builder, x, t.input("gamma", 1, cols, normals(cols, 2)));
      return [rows, 128, 64].map((size) => {
        const out = t.output(`by ${size} rows`, rows - first, cols);
        copy(t.builder, inWindows(reader, windowed(size)), out);
        return out;
      });
    }, async (outputs, read, { description }) => {
      const [whole, ...others] = await Promise.all(outputs.map(read));
      for (const other of others) assertEquals(other, whole);
      assertEquals(new Set(whole).size > rows, true);
      const counts = description.dispatches.slice(-3).map(({ bindings }) =>
        bindings.filter(({ tensor }) => tensor.rows === rows && tensor.cols === cols).length
      );
      assertEquals(counts, [1, 2, 4]);
    });
  });
}
