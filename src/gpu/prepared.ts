import type { Gpu } from "./device.ts";
import { inErrorScopes } from "./errors.ts";
import { fieldsOf, packFields } from "./fields.ts";
import { type Binding, bindingBytes, type Dispatch, fullName, uniformStride } from "./kernel.ts";
import { groupLayouts, pipelineFor } from "./pipelines.ts";
import { rowBytes, type Tensor } from "./tensor.ts";
import type { TimestampWrites } from "./timing.ts";

/** A dispatch that has only to be encoded. */
export interface Prepared {
  readonly dispatch: Dispatch;
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly GPUBindGroup[];
  readonly grid: readonly [number, number];
}

/** Where a tensor lies. */
export interface Place {
  readonly buffer: GPUBuffer;
  readonly offset: number;
}

/**
 * Makes the pipelines and bind groups of dispatches and fills their uniform blocks, in their order, in `uniforms`. Throws an Error if a kernel
 * does not compile or its parameters are not those that the shader declares, and OutOfMemoryError, with the bytes that are wanted in all, if
 * the device has no memory left.
 */
export async function prepare(
  gpu: Gpu,
  dispatches: readonly Dispatch[],
  uniforms: GPUBuffer,
  placeOf: (tensor: Tensor) => Place,
  bytesWanted: number,
): Promise<Prepared[]> {
  const { device, limits } = gpu;
  const pipelines = await Promise.all(dispatches.map((dispatch) => pipelineFor(gpu, dispatch)));
  const words = new Uint32Array(dispatches.length * uniformStride / 4);
  dispatches.forEach((dispatch, i) => {
    packParameters(dispatch, words.subarray(i * uniformStride / 4, (i + 1) * uniformStride / 4));
  });
  device.queue.writeBuffer(uniforms, 0, words);
  const resourceOf = (binding: Binding): GPUBufferBinding => {
    const { tensor, first = 0 } = binding;
    const { buffer, offset } = placeOf(tensor);
    return { buffer, offset: offset + first * rowBytes(tensor), size: bindingBytes(binding) };
  };
  return await inErrorScopes(device, bytesWanted, () =>
    dispatches.map((dispatch, i) => {
      const layouts = groupLayouts(device, dispatch);
      const entries: GPUBindGroupEntry[][] = layouts.map(() => []);
      const size = Math.max(16, Math.ceil(Object.keys(dispatch.parameters).length / 4) * 16);
      entries[0].push({ binding: 0, resource: { buffer: uniforms, offset: i * uniformStride, size } });
      for (const binding of dispatch.bindings) {
        entries[binding.group].push({ binding: binding.index, resource: resourceOf(binding) });
      }
      return {
        dispatch,
        pipeline: pipelines[i],
        groups: layouts.map((layout, group) => device.createBindGroup({ layout, entries: entries[group] })),
        grid: foldGrid(dispatch.workgroups, limits.maxComputeWorkgroupsPerDimension),
      };
    }));
}

/** Fills a dispatch's uniform block. Throws an Error with the kernel's label if its parameters are not those that the shader declares. */
function packParameters({ kernel, parameters }: Dispatch, block: Uint32Array<ArrayBuffer>): void {
  try {
    packFields(fieldsOf(kernel.code, "Parameters"), parameters, block);
  } catch (error) {
    throw new Error(`Parameters of kernel "${fullName(kernel)}": ${(error as Error).message}`);
  }
}

/** A flat count of workgroups as a grid within the limit of one dimension. Shaders fold it back with `num_workgroups.x`. */
export function foldGrid(workgroups: number, limit: number): [number, number] {
  if (workgroups <= limit) return [workgroups, 1];
  const y = Math.ceil(workgroups / limit);
  return [Math.ceil(workgroups / y), y];
}

/** Encodes dispatches as one pass, which writes those of the timestamps that are asked for. */
export function encodePass(
  encoder: GPUCommandEncoder,
  dispatches: readonly Prepared[],
  { querySet, begin, end }: Partial<TimestampWrites> = {},
): void {
  const timestampWrites = querySet && (begin ?? end) !== undefined && {
    querySet,
    ...begin !== undefined && { beginningOfPassWriteIndex: begin },
    ...end !== undefined && { endOfPassWriteIndex: end },
  };
  const pass = encoder.beginComputePass(timestampWrites ? { timestampWrites } : {});
  for (const { pipeline, groups, grid } of dispatches) {
    pass.setPipeline(pipeline);
    groups.forEach((group, i) => pass.setBindGroup(i, group));
    pass.dispatchWorkgroups(...grid);
  }
  pass.end();
}
