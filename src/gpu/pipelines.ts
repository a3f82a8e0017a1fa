import type { Gpu } from "./device.ts";
import { type Access, type Dispatch, fullName } from "./kernel.ts";
import { prelude } from "./prelude.ts";

const layouts = new WeakMap<GPUDevice, Map<string, GPUBindGroupLayout>>();

/** Layouts are written out, not inferred: an inferred one forgets bindings that a shader declares and does not use. */
function groupLayout(device: GPUDevice, entries: readonly GPUBindGroupLayoutEntry[]): GPUBindGroupLayout {
  const cache = layouts.get(device) ?? new Map<string, GPUBindGroupLayout>();
  layouts.set(device, cache);
  const key = entries.map((e) => `${e.binding}:${e.buffer!.type}`).join();
  const layout = cache.get(key) ?? device.createBindGroupLayout({ entries: [...entries] });
  cache.set(key, layout);
  return layout;
}

function bufferType(access: Access): GPUBufferBindingType {
  return access === "read" ? "read-only-storage" : "storage";
}

/** The bind group layouts of a dispatch, by group; group 0 begins with the uniform block. */
export function groupLayouts(device: GPUDevice, dispatch: Dispatch): GPUBindGroupLayout[] {
  const visibility = GPUShaderStage.COMPUTE;
  const groups: GPUBindGroupLayoutEntry[][] = [[{ binding: 0, visibility, buffer: { type: "uniform" } }]];
  for (const { group, index, access } of dispatch.bindings) {
    (groups[group] ??= []).push({ binding: index, visibility, buffer: { type: bufferType(access) } });
  }
  return Array.from(groups, (entries) => groupLayout(device, entries ?? []));
}

/** The pipeline of a dispatch's kernel, compiled once for a device. Throws what the compiler says, with the kernel's label. */
export function pipelineFor(gpu: Gpu, dispatch: Dispatch): Promise<GPUComputePipeline> {
  const { code, constants = {} } = dispatch.kernel;
  const signature = dispatch.bindings.map((b) => `${b.group}.${b.index}:${bufferType(b.access)}`).join();
  const key = JSON.stringify([code, Object.entries(constants).sort(), signature]);
  let pipeline = gpu.pipelines.get(key);
  if (!pipeline) {
    pipeline = compile(
      gpu,
      fullName(dispatch.kernel),
      prelude(gpu.runtime, code) + code,
      constants,
      groupLayouts(gpu.device, dispatch),
    );
    gpu.pipelines.set(key, pipeline);
  }
  return pipeline;
}

/** Dawn compiles several at once, each in a thread of its own. */
async function compile(
  { device, runtime }: Gpu,
  label: string,
  code: string,
  constants: Readonly<Record<string, number>>,
  bindGroupLayouts: GPUBindGroupLayout[],
): Promise<GPUComputePipeline> {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label, code });
  const layout = device.createPipelineLayout({ bindGroupLayouts });
  const wanted = { label, layout, compute: { module, entryPoint: "main", constants: { ...constants } } };
  const made = runtime === "dawn"
    ? device.createComputePipelineAsync(wanted)
    : Promise.resolve(device.createComputePipeline(wanted));
  const [error, [compiled]] = await Promise.all([device.popErrorScope(), Promise.allSettled([made])]);
  const fault = error ?? (compiled.status === "rejected" ? compiled.reason : null);
  if (fault) throw new Error(`Kernel "${label}" does not compile: ${fault.message}`);
  return (compiled as PromiseFulfilledResult<GPUComputePipeline>).value;
}
