import { assertEquals } from "@std/assert";
import { nearestBf16 } from "../optimizer/adamw_reference.ts";
import { gpuTest, noNumbers, normals, runTest } from "../testing/testing.ts";
import { bf16Text } from "./bf16.ts";

const thereAndBack = `
@group(0) @binding(1) var<storage, read_write> x: array<vec4<f32>>;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3<u32>) {
  x[group.x] = from_bf16(to_bf16(x[group.x]));
}
`;

gpuTest(
  "to_bf16() rounds to the nearest, ties to even, and keeps infinities and what is no number",
  async () => {
    const ties = [1 + 2 ** -8, 1 + 3 * 2 ** -8, -1 - 2 ** -8, 0, 3.38e38];
    const numbers = Float64Array.of(...normals(60, 1), ...ties);
    const bits = new Uint32Array(72);
    bits.set(new Uint32Array(Float32Array.from(numbers).buffer));
    bits.set([...noNumbers, 0x7f800000].toReversed(), numbers.length);
    await runTest((t) => {
      const x = t.builder.tensor("x", 18, 4, { category: "transient" });
      t.fill(x, bits);
      t.builder.dispatch({
        kernel: { label: "bf16", code: bf16Text + thereAndBack },
        bindings: [{ group: 0, index: 1, tensor: x, access: "update" }],
        parameters: {},
        workgroups: 18,
        flops: 0,
      });
      return x;
    }, async (x, read) => {
      const expected = [...numbers.map(nearestBf16), Infinity, ...noNumbers.map(() => NaN)];
      assertEquals(Array.from(await read(x)), expected);
    });
  },
);
