/**
 * The addon that Dawn is, Chrome's WebGPU, out of npm's package `webgpu`. It is fetched when it is asked for and stands in no module graph:
 * Deno fetches all that `deno.json` or the lock file names before any program runs, and this one has 48 MB.
 */

import { join } from "node:path";
import process from "node:process";
import { cacheFolder } from "../cache_folder.ts";
import { sha256 } from "../data/digest.ts";
import { UserError } from "../errors.ts";
import { npmPackage, specifierOf } from "../io/npm_package.ts";
import { isWhole, type PinnedFolder, placeFiles } from "./pinned_folder.ts";

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
 * @param options.target the folder and the files to be there
 * @param options.source gives the folder of the package's files for this platform; asked again, with `true`, for a new copy when the first
 * one is damaged
 * @throws {UserError} when the package cannot be fetched, or the folder cannot be written or is not the user's alone
 */
export async function fetchDawn(
  { target = pinned(), source = fetchPackage }: {
    target?: PinnedFolder;
    source?: (again: boolean) => Promise<string>;
  } = {},
): Promise<void> {
  const contents = await readFiles(await source(false), target) ??
    await readFiles(await source(true), target);
  if (!contents) {
    const name = specifierOf(npm);
    throw new UserError(
      `${name} does not hold the Dawn that this version of Headroom knows: take --runtime native, the default`,
    );
  }
  await placeFiles(target, contents);
}

/** The wanted files of a folder, or null unless each is there with the digest that it should have. */
async function readFiles(
  folder: string,
  { files }: PinnedFolder,
): Promise<Map<string, Uint8Array<ArrayBuffer>> | null> {
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [name, digest] of Object.entries(files)) {
    const bytes = await Deno.readFile(join(folder, name)).catch(() => null);
    if (!bytes || await sha256(bytes) !== digest) return null;
    contents.set(name, bytes);
  }
  return contents;
}

/** Lets Deno fetch the package, and gives the folder of this platform's files in Deno's cache. */
async function fetchPackage(again: boolean): Promise<string> {
  const { folder, reason } = await npmPackage(npm, { again }).catch((error) => {
    throw error instanceof Deno.errors.NotCapable ? new UserError(unfetched) : error;
  });
  if (folder !== undefined) return join(folder, "dist", platform);
  const name = specifierOf(npm);
  throw new UserError(
    `Dawn could not be fetched as ${name} (${reason}): check the network, or take --runtime native, the default`,
  );
}

/** What a command says that may not run Deno. */
export const unfetched = "Dawn is not fetched yet, and this command may not run Deno to fetch it: " +
  "run `deno task bench smoke --runtime dawn` once, or take --runtime native, the default";
