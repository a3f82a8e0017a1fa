/**
 * Dawn, Chrome's WebGPU, as an addon for Node out of npm's package `webgpu`. The package is fetched when it is asked for and stands in no
 * module graph: Deno fetches all that `deno.json` or the lock file names before any program runs, and this one has 48 MB.
 */

import { join } from "node:path";
import process from "node:process";
import { cacheFolder } from "../cache_folder.ts";
import { UserError } from "../errors.ts";
import { npmPackage, specifierOf } from "../io/npm_package.ts";
import { isWhole, type PinnedFolder, placeFiles, sha256 } from "./pinned_folder.ts";

const npm = { name: "webgpu", version: "0.6.2" };

/** The files of each platform in the package, and the SHA-256 of each. */
const pinnedFiles: Record<string, Record<string, string>> = {
  "linux-x64": { "dawn.node": "ab18a659f8325e874ea45c80347b64336d7f748601102753d2bc669fdecfd710" },
  "linux-arm64": { "dawn.node": "474a272ac9be570b04fa3791576d32e56f574818e60190c6788a83be90233980" },
  "darwin-universal": { "dawn.node": "f5b278f3dc65276bf1f8a667f91650d32585431d5b2d148ca729f67924c574a3" },
  "win32-x64": {
    "dawn.node": "75fff5db8a7541ad7a2d22c468e6f8bc3614b87c3b649c8ce712f7f5148ef338",
    "d3dcompiler_47.dll": "289767b49dc8525bce262ea06fee4ef9fced2e131a55b25654ce871c1f0498b2",
    "dxcompiler.dll": "04cf618004bf19f789f54e8931c7f7106223bccd354b093c4ff725c748512602",
  },
  "win32-arm64": {
    "dawn.node": "d0ef6fe1551cd08fb0fee2a8281d38008434697e5d9a6f3bfdcbb9ab00755672",
    "d3dcompiler_47.dll": "3cdd009ee909bb2e5123990f7d4ea690a1e968202c3adba861eda69f5e672752",
    "dxcompiler.dll": "ed294f011f57eb8cfef061c2d91e56c1c192ca1a6ddaa315ccab7c2900029e6e",
  },
};

const platform = Deno.build.os === "darwin" ? "darwin-universal" : `${process.platform}-${process.arch}`;

/** Where the addon lies: `$XDG_CACHE_HOME/headroom/dawn-VERSION`, by default below `~/.cache`. */
export const dawnFolder = (): string => join(cacheFolder(), `dawn-${npm.version}`);

const pinned = (): PinnedFolder => {
  const files = pinnedFiles[platform];
  if (!files) throw new UserError(`Dawn does not come for ${platform}: take --runtime native, the default`);
  return { what: "Dawn", folder: dawnFolder(), files };
};

/** Whether the addon lies in its folder, whole. Throws a UserError as {@linkcode isWhole} does, and where there is none for this system. */
export const isFetched = (): Promise<boolean> => isWhole(pinned());

/**
 * Fetches the addon. A damaged copy is replaced.
 *
 * @throws {UserError} when the package cannot be fetched, or the folder cannot be written or is not the user's alone
 */
export async function fetchDawn(): Promise<void> {
  const contents = await pinnedContents(false) ?? await pinnedContents(true);
  if (!contents) {
    throw new UserError(
      `${
        specifierOf(npm)
      } does not hold the Dawn that this version of Headroom knows: take --runtime native, the default`,
    );
  }
  await placeFiles(pinned(), contents);
}

/** The wanted files of the package, or null unless each is there with the digest that it should have. */
async function pinnedContents(again: boolean): Promise<Map<string, Uint8Array<ArrayBuffer>> | null> {
  const folder = await fetchPackage(again);
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, digest] of Object.entries(pinned().files)) {
    const bytes = await Deno.readFile(join(folder, "dist", platform, name)).catch(() => null);
    if (!bytes || await sha256(bytes) !== digest) return null;
    contents.set(name, bytes);
  }
  return contents;
}

async function fetchPackage(again: boolean): Promise<string> {
  try {
    const { folder, reason } = await npmPackage(npm, { again });
    if (folder !== undefined) return folder;
    throw new UserError(
      `Dawn could not be fetched as ${
        specifierOf(npm)
      } (${reason}): check the network, or take --runtime native, the default`,
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw new UserError(unfetched);
    throw error;
  }
}

/** What a command says that may not run Deno. */
export const unfetched = "Dawn is not fetched yet, and this command may not run Deno to fetch it: " +
  "run `deno task bench smoke --runtime dawn` once, or take --runtime native, the default";

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
