import { median } from "../statistics/statistics.ts";
import { BufferSet } from "../../src/gpu/buffers.ts";
import type { Gpu } from "../../src/gpu/device.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { StepTimer } from "../../src/gpu/timing.ts";

/**
 * Work that has nothing to do with training, and whose text never changes: what makes it slower from one run to another is the machine
 * (clocks, heat, neighbours, driver), not the program. Another text needs another name, for times under one name are compared. Both write
 * what they compute, so that no compiler drops it.
 */
export const referenceWorks = {
  /** Arithmetic in registers, 0.13 GFLOP. */
  "arithmetic-1": {
    code: `
@group(0) @binding(0) var<storage, read_write> values: array<vec4f>;
@compute @workgroup_size(128) fn main(@builtin(global_invocation_id) id: vec3u) {
  var a = vec4f(f32(id.x)) * 1e-5;
  var b = a.yzwx + 0.5;
  for (var i = 0u; i < 256u; i++) {
    a = fma(a, vec4f(0.999), b);
    b = fma(b, vec4f(0.998), vec4f(1e-3));
  }
  values[id.x] = a + b;
}`,
    invocations: 2 ** 15,
  },
  /** 64 MiB read and written in place. */
  "memory-1": {
    code: `
@group(0) @binding(0) var<storage, read_write> values: array<vec4f>;
@compute @workgroup_size(128) fn main(@builtin(global_invocation_id) id: vec3u) {
  values[id.x] = values[id.x] + 1.0;
}`,
    invocations: 2 ** 22,
  },
};

type Name = keyof typeof referenceWorks;

/** Milliseconds of each work of the reference. */
export type ReferenceTimes = Record<Name, number>;

/** So long one window lasts at least, to outlast what a clock or a scheduler does in between. */
const windowMilliseconds = 20;
const windows = 3;
/** A card that waited until pipelines were made has lowered its clock; so long it works before a window counts. */
const warmUpMilliseconds = 150;

/** Runs one work so many times, and tells for how many milliseconds. */
type Run = (repetitions: number) => Promise<number>;

/**
 * Times the reference on a device: the median window of each work. Null where there is no memory for it. `hasRisen` tells, while the card
 * works, whether its clock has risen: it is kept at work until then, for `patience` milliseconds at most.
 */
export async function timeReference(
  gpu: Gpu,
  { hasRisen = () => Promise.resolve(true), patience = 5000 } = {},
): Promise<ReferenceTimes | null> {
  const buffers = new BufferSet<"target">(gpu);
  let timer: StepTimer | undefined;
  try {
    const made = timer = await StepTimer.create(gpu, 1);
    await buffers.allocate([{ key: "target", name: "reference", bytes: 2 ** 26 }]);
    const target = buffers.get("target");
    const names = Object.keys(referenceWorks) as Name[];
    // No work waits for its pipeline once the first has begun: the card would rest.
    const runs = await Promise.all(names.map((name) => prepare(gpu, made, target, referenceWorks[name])));
    await warmUp(gpu, runs[0], hasRisen, patience);
    const times: Partial<ReferenceTimes> = {};
    for (const [i, name] of names.entries()) times[name] = await timeWork(runs[i]);
    return times as ReferenceTimes;
  } catch (error) {
    if (error instanceof OutOfMemoryError) return null;
    throw error;
  } finally {
    timer?.destroy();
    buffers.destroy();
  }
}

async function prepare(
  { device }: Gpu,
  timer: StepTimer,
  buffer: GPUBuffer,
  { code, invocations }: { code: string; invocations: number },
): Promise<Run> {
  const pipeline = await device.createComputePipelineAsync({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const entries = [{ binding: 0, resource: { buffer } }];
  const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  return async (repetitions) => {
    timer.start();
    const encoder = device.createCommandEncoder();
    const writes = timer.writes(0);
    const timestampWrites = writes && {
      querySet: writes.querySet,
      beginningOfPassWriteIndex: writes.begin,
      endOfPassWriteIndex: writes.end,
    };
    const pass = encoder.beginComputePass({ timestampWrites });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    for (let i = 0; i < repetitions; i++) pass.dispatchWorkgroups(invocations / 128);
    pass.end();
    device.queue.submit([encoder.finish()]);
    return (await timer.finish()).stepMilliseconds[0];
  };
}

/** Keeps a GPU at work for a while, and until its clock is told to have risen. */
async function warmUp(gpu: Gpu, run: Run, hasRisen: () => Promise<boolean>, patience: number): Promise<void> {
  const least = gpu.adapter.class === "gpu" ? warmUpMilliseconds : 0;
  const begun = performance.now();
  const passed = () => performance.now() - begun;
  const repetitions = await lasting(run);
  for (let risen = false; !risen && passed() < patience;) {
    let isAsking = true;
    const work = async () => {
      do await run(repetitions); while (isAsking || passed() < least);
    };
    [risen] = await Promise.all([hasRisen().finally(() => isAsking = false), work()]);
  }
}

/** How often a work has to run to last for a window. */
async function lasting(run: Run): Promise<number> {
  let repetitions = 1;
  while (repetitions < 2 ** 16 && await run(repetitions) < windowMilliseconds) repetitions *= 2;
  return repetitions;
}

async function timeWork(run: Run): Promise<number> {
  const repetitions = await lasting(run);
  const times: number[] = [];
  for (let i = 0; i < windows; i++) times.push(await run(repetitions) / repetitions);
  return median(times);
}
