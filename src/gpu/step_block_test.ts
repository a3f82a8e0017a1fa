import { assertEquals } from "@std/assert";
import { gpuTest, runTest } from "../../kernels/testing/testing.ts";
import { packStep, stepTensor, stepText } from "./step_block.ts";

/** Each field of the block, by its name in WGSL, as a float. */
const text = `
@group(0) @binding(1) var<storage, read> step: Step;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(1)
fn main() {
  out[0] = f32(step.seed);
  out[1] = f32(step.slot);
  out[2] = step.inverse_valid;
  out[3] = step.learning_rate;
  out[4] = step.correction1;
  out[5] = step.inverse_root_correction2;
  out[6] = f32(step.row);
  out[7] = f32(step.micro_batch);
}`;

gpuTest("packStep() puts every value where a shader reads it by name", async () => {
  await runTest(({ builder, output, fill }) => {
    const out = output("out", 1, 8, { stride: 8 });
    fill(
      stepTensor,
      packStep({
        seed: 1,
        slot: 2,
        inverseValid: 0.5,
        learningRate: 0.25,
        correction1: 0.125,
        inverseRootCorrection2: 3.5,
        row: 6,
        microBatch: 7,
      }),
    );
    builder.dispatch({
      kernel: { label: "step", code: stepText + text },
      bindings: [
        { group: 0, index: 1, tensor: stepTensor, access: "read" },
        { group: 0, index: 2, tensor: out, access: "write" },
      ],
      parameters: {},
      workgroups: 1,
      flops: 0,
    });
    return out;
  }, async (out, read) => assertEquals([...await read(out)], [1, 2, 0.5, 0.25, 0.125, 3.5, 6, 7]));
});
