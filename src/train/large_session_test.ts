import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { gpuTest, narrowLimits, testGpu } from "../../kernels/testing/testing.ts";
import { OutOfMemoryError } from "../gpu/errors.ts";
import type { Gpu } from "../gpu/device.ts";
import type { LlamaConfig } from "../models/llama/config.ts";
import { TrainingSession } from "./session.ts";
import type { TrainOptions } from "./options.ts";
import { options } from "./testing.ts";

const sequence = 300;
const llama: LlamaConfig = {
  modelType: "llama",
  name: "long-llama",
  ...{
    layers: 1,
    width: 32,
    heads: 4,
    keyHeads: 2,
    headSize: 12,
    hidden: 44,
    vocab: 16,
    positions: sequence,
  },
  ...{ tiedHead: false, rotaryBase: 100, rotaryScaling: null, normEpsilon: 1e-5 },
};

/** The losses of three steps on one batch, and how many dispatches a step has. */
async function train(gpu: Gpu, changes: Partial<TrainOptions>) {
  const session = await TrainingSession.create(gpu, { ...options, ...changes });
  try {
    const inputs = Uint32Array.from({ length: sequence }, (_, i) => (i * i) % 11);
    const targets = Int32Array.from({ length: sequence }, (_, i) => ((i + 1) * (i + 1)) % 11);
    for (let step = 0; step < 3; step++) session.step({ inputs, targets });
    return { losses: await session.losses(), dispatches: session.dispatchesPerStep };
  } finally {
    session.destroy();
  }
}

gpuTest("A Llama trains alike where a sequence exceeds what can be bound", async () => {
  const gpu = await testGpu();
  const limits = narrowLimits(128 * 96 * 4); // of 300 rows of queries, keys and values
  for (const policy of ["exact", "mesa8", "mst8"]) {
    const step = { model: llama, batch: 1, sequence, policy };
    const whole = await train(gpu, step);
    const windowed = await train({ ...gpu, limits }, step);
    assert(windowed.dispatches > whole.dispatches);
    // Gradients of parameters are summed by windows, so only the first loss has the same bits.
    assertEquals(windowed.losses[0], whole.losses[0]);
    windowed.losses.forEach((loss, i) => assertAlmostEquals(loss, whole.losses[i], 1e-5));
    assert(whole.losses[2] < whole.losses[0] - 0.01, "nothing is learnt");
  }
});

gpuTest(
  "TrainingSession.create() refuses what there is no room for before it allocates anything",
  async () => {
    const gpu = await testGpu();
    const session = await TrainingSession.create(gpu, options);
    const { bufferBytes } = session.plan;
    session.destroy();
    const before = gpu.ledger.liveBytes;
    let made = 0;
    const device = new Proxy(gpu.device, {
      get: (device, name) => {
        if (name === "createBuffer") made++;
        const value = Reflect.get(device, name, device);
        return typeof value === "function" ? value.bind(device) : value;
      },
    });
    const { wanted, room } = await assertRejects(
      () => TrainingSession.create({ ...gpu, device, room: bufferBytes - 1 }, options),
      OutOfMemoryError,
    ).then(({ bytesWanted: wanted, room }) => ({ wanted, room }));
    assertEquals([wanted, room, made], [bufferBytes, bufferBytes - 1, 0]);
    const limits = { ...narrowLimits(2 ** 27), maxBufferSize: 256 }; // less than a table of words
    await assertRejects(
      () => TrainingSession.create({ ...gpu, device, limits }, options),
      OutOfMemoryError,
    );
    assertEquals([made, gpu.ledger.liveBytes], [0, before]);
    (await TrainingSession.create({ ...gpu, room: bufferBytes }, options)).destroy();
  },
);
