/**
 * Dawn, Chrome's WebGPU, as an addon from npm. It stands in no module graph: a name that is computed is looked up when it is imported, so
 * that nobody fetches its 130 MB, or needs the permission to load it, who does not ask for it.
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../errors.ts";

interface Addon {
  create(options: readonly string[]): GPU;
  readonly globals: Readonly<Record<string, unknown>>;
}

/** As the import map has it. */
const packageName: string = "webgpu";

/**
 * Dawn's switches. Bounds of matrices are checked by the driver where it can, as those of buffers are by default, in place of a clamp before
 * each access, and an index that cannot leave its array is not clamped; times are those of the card, not rounded to 0.1 ms.
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

/** The folder of the addon's files, which a process must be allowed to load libraries from (`--allow-ffi`). */
export const dawnFolder = () => join(dirname(fileURLToPath(import.meta.resolve(packageName))), "dist");

let addon: Promise<Addon> | undefined;

async function load(): Promise<Addon> {
  // While something waits, Dawn polls by `setImmediate` without a pause: each poll leaves garbage, and timers starve. It takes what stands
  // here when it is loaded.
  Object.assign(globalThis, {
    setImmediate: (work: (...values: unknown[]) => void, ...values: unknown[]) =>
      setTimeout(work, 1, ...values),
    clearImmediate: clearTimeout,
  });
  const loaded: Addon = await import(packageName).catch(refuse);
  for (const [name, value] of Object.entries(loaded.globals)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return loaded;
}

function refuse(error: Error): never {
  if (error instanceof Deno.errors.NotCapable) throw error;
  throw new UserError(
    `Dawn could not be loaded from npm's webgpu (${error.message.split("\n")[0]}): ` +
      "check the network, or take --runtime native, the default",
  );
}

/** All that was made: the process aborts once one of them is collected. */
const made: GPU[] = [];

async function create(options: readonly string[]): Promise<GPU> {
  addon ??= load();
  const gpu = (await addon).create(options);
  made.push(gpu);
  return gpu;
}

const found = new Map<string | undefined, Promise<GPU>>();

/**
 * Dawn's `navigator.gpu`, the same one whenever it is asked for. Loads the addon; throws `Deno.errors.NotCapable` where Deno may not.
 *
 * @param adapter the only adapter to give, by its driver's name; `requestAdapter` can ask for no software but SwiftShader
 */
export function dawnGpu(adapter?: string): Promise<GPU> {
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
  const nobody = await create(["adapter=:"]);
  const told = await nobody.requestAdapter().then(() => "", ({ message }) => String(message));
  return [...told.matchAll(/name: '(.*)'/g)].map(([, name]) => name);
}
