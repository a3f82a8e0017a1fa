/** Dawn, Chrome's WebGPU, loaded in place of Deno's own. */

import { join } from "node:path";
import process from "node:process";
import { UserError } from "../errors.ts";
import { dawnFolder } from "./dawn_package.ts";

/**
 * Dawn's switches. Bounds of matrices are checked by the driver where it can, as those of buffers are by default, in place of a clamp before
 * each access, and an index that cannot leave its array is not clamped; times are the card's own, not coarsened as a browser's.
 */
const toggles = [
  "enable-dawn-features=" + [
    "allow_unsafe_apis",
    "vulkan_enable_f16_on_nvidia",
    "vulkan_use_cooperative_matrix_robust_access",
    "enable_integer_range_analysis_in_robustness",
  ],
  "disable-dawn-features=timestamp_quantization",
];

interface Addon {
  create(options: readonly string[]): GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

let addon: Addon | undefined;

function load(): Addon {
  // While something waits, Dawn polls by `setImmediate` without a pause: each poll leaves garbage, and timers starve. It takes what stands
  // here when it is loaded.
  Object.assign(globalThis, {
    setImmediate: (work: (...values: unknown[]) => void, ...values: unknown[]) =>
      setTimeout(work, 1, ...values),
    clearImmediate: clearTimeout,
  });
  const module = { exports: {} };
  try {
    process.dlopen(module, join(dawnFolder(), "dawn.node"));
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new UserError(
      `Dawn cannot be loaded (${(error as Error).message.split("\n")[0]}): ` +
        "run `deno task bench smoke --runtime dawn`, which fetches it, or take --runtime native, the default",
    );
  }
  const loaded = module.exports as Addon;
  for (const [name, value] of Object.entries(loaded.globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return loaded;
}

/** All that was made: the process aborts once one of them is collected. */
const made: GPU[] = [];

function create(options: readonly string[]): GPU {
  addon ??= load();
  const gpu = addon.create(options);
  made.push(gpu);
  return gpu;
}

const found = new Map<string | undefined, GPU>();

/**
 * Dawn's `navigator.gpu`, the same one whenever it is asked for. Loads the addon, which must have been
 * fetched; throws `Deno.errors.NotCapable` where Deno may not.
 *
 * @param adapter the only adapter to give, by its driver's name; `requestAdapter` can ask for no software but SwiftShader
 */
export function dawnGpu(adapter?: string): GPU {
  const gpu = found.get(adapter) ??
    create(adapter === undefined ? toggles : [...toggles, `adapter=${adapter}`]);
  found.set(adapter, gpu);
  return gpu;
}

/** Forgets the drivers that were found, so that one which is loaded now is found, too. */
export function forgetDrivers(): void {
  found.clear();
  names = undefined;
}

/** An adapter's name as its driver has it: Dawn's own information has it in small letters with hyphens. */
export async function nameOf({ info: { device } }: Pick<GPUAdapter, "info">): Promise<string> {
  return (await adapterNames()).find((name) => hyphened(name) === device) ?? device;
}

const hyphened = (name: string) => name.toLowerCase().replace(/[^a-z0-9]+/g, "-");

let names: Promise<string[]> | undefined;

/** The names of all adapters, as their drivers have them. */
export const adapterNames = (): Promise<string[]> => names ??= askForNames();

/** Dawn lists them when it is asked for one that there is not. */
async function askForNames(): Promise<string[]> {
  const nobody = create(["adapter=:"]);
  const told = await nobody.requestAdapter().then(() => "", ({ message }) => String(message));
  return [...told.matchAll(/name: '(.*)'/g)].map(([, name]) => name);
}
