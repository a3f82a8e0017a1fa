import { assertEquals } from "@std/assert";
import { layerNormForward } from "../../kernels/norms/layer_norm.ts";
import { gpuTest, testGpu } from "../../kernels/testing/testing.ts";
import { builderOptionsFor, ProgramBuilder } from "../gpu/builder.ts";
import { stepTensor } from "../gpu/step_block.ts";
import { SessionMemory } from "./session_memory.ts";

gpuTest("SessionMemory submits what was written, and waits for it, once that is much", async () => {
  const gpu = await testGpu();
  const { queue } = gpu.device;
  const memory = new SessionMemory(gpu);
  const given = { submit: queue.submit, done: queue.onSubmittedWorkDone };
  const called: string[] = [];
  try {
    const builder = new ProgramBuilder("norm", { ...builderOptionsFor(gpu), keepAll: true });
    const matrix = (name: string, cols: number) => builder.tensor(name, 2, cols, { category: "transient" });
    layerNormForward(builder, matrix("x", 8), matrix("normalized", 8), matrix("rstd", 1), 1e-5);
    const program = await memory.program(builder.build());
    queue.submit = (...of) => (called.push("submitted"), given.submit.apply(queue, of));
    queue.onSubmittedWorkDone = async () => {
      await given.done.call(queue);
      called.push("done");
    };
    for (let write = 0; write < 4; write++) {
      memory.write(stepTensor, new Uint32Array(8));
      await memory.settleWrites(64);
      called.push("next");
    }
    const settled = ["submitted", "done"];
    assertEquals(called, ["next", ...settled, "next", "next", ...settled, "next"], "four times 32 bytes");
    program.destroy();
  } finally {
    Object.assign(queue, { submit: given.submit, onSubmittedWorkDone: given.done });
    memory.destroy();
  }
});
