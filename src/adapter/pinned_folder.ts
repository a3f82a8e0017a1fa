/** Folders of the cache that libraries are loaded from: the user's own, and with nothing in them but files of known digests. */

import { basename, dirname, join } from "node:path";
import { sha256 } from "../data/digest.ts";
import { UserError } from "../errors.ts";
import { withFileErrors } from "../io/files.ts";

/** A folder, and the SHA-256 of each file that it is to hold. */
export interface PinnedFolder {
  /** Whose files they are. */
  readonly what: string;
  readonly folder: string;
  readonly files: Readonly<Record<string, string>>;
}

/**
 * Whether every file is there, whole. Libraries are loaded from this folder, so it and the folder that it lies in must be the user's own
 * and nobody else may write there, and it may hold nothing else.
 *
 * @throws {UserError} for a folder that is not so
 */
export function isWhole({ what, folder, files }: PinnedFolder): Promise<boolean> {
  return withFileErrors("read", folder, async () => {
    for (const path of [dirname(folder), folder]) {
      if (!await isPresent(path)) return false;
      await requireOwn(path, "isDirectory", what);
    }
    for await (const { name } of Deno.readDir(folder)) {
      if (!(name in files)) {
        throw new UserError(`${folder} holds ${name}, which is not ${what}'s: remove the folder`);
      }
      await requireOwn(join(folder, name), "isFile", what);
    }
    for (const [name, digest] of Object.entries(files)) {
      const path = join(folder, name);
      if (!await isPresent(path) || await sha256(await Deno.readFile(path)) !== digest) return false;
    }
    return true;
  });
}

/**
 * Writes files into their folder. Each is written aside and renamed, so that no process, however many do so at once, ever sees half a
 * file.
 *
 * @throws {UserError} when the folder cannot be written or is not the user's alone
 */
export async function placeFiles(
  pinned: PinnedFolder,
  contents: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): Promise<void> {
  const { what, folder } = pinned;
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const fresh = await Deno.makeTempDir({ dir: dirname(folder), prefix: `${basename(folder)}-unpacking-` });
    for (const [name, bytes] of contents) {
      await Deno.writeFile(join(fresh, name), bytes, { mode: 0o600 });
      await Deno.rename(join(fresh, name), join(folder, name));
    }
    await Deno.remove(fresh);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new UserError(
      `${what} could not be unpacked into ${folder} (${(error as Error).message}): ` +
        "set XDG_CACHE_HOME to a folder that can be written",
    );
  }
  // Another could have made the folder meanwhile.
  if (await isWhole(pinned)) return;
  throw new UserError(`${folder} changes while ${what} is unpacked there: see who writes to it`);
}

async function isPresent(path: string): Promise<boolean> {
  try {
    return await Deno.lstat(path) !== null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  }
}

/** Throws a UserError unless a path is a folder or a file, no link, which belongs to the user and which nobody else may write. */
async function requireOwn(path: string, kind: "isDirectory" | "isFile", what: string): Promise<void> {
  const { [kind]: isKind, isSymlink, uid, mode } = await Deno.lstat(path);
  const wrong = isSymlink
    ? "is a link"
    : !isKind
    ? `is no ${kind === "isFile" ? "file" : "folder"}`
    : uid !== Deno.uid()
    ? "belongs to another user"
    : mode! & 0o022
    ? "can be written by other users"
    : null;
  if (wrong) {
    throw new UserError(
      `${path} ${wrong}, so ${what} is not loaded from there: remove it, ` +
        "or set XDG_CACHE_HOME to a folder of your own",
    );
  }
}
