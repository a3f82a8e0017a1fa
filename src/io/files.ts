import { dirname, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { missingFlag } from "../missing_permission.ts";

/** The most bytes that `readBytes` takes into memory: 4 GiB. */
export const largestFile = 2 ** 32;

/**
 * Runs `action`, which reads or writes the file `path`. What the system or Deno's permissions refuse comes out as a `UserError` that
 * names the path; any other error passes through.
 */
export async function withFileErrors<T>(
  verb: "read" | "write",
  path: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw fileError(verb, path, error);
  }
}

function fileError(verb: "read" | "write", path: string, error: unknown): unknown {
  const reason = refusal(verb, error);
  return reason === undefined ? error : new UserError(`Cannot ${verb} ${path}: ${reason}`, { cause: error });
}

/** What the system's or Deno's refusal means and what mends it; undefined for an error of another kind. */
export function refusal(verb: "read" | "write", error: unknown): string | undefined {
  if (error instanceof Deno.errors.NotFound) {
    return verb === "read"
      ? "there is no such file; check the path"
      : "its folder does not exist; create it first";
  }
  if (error instanceof Deno.errors.IsADirectory) return "it is a folder; give the path of a file";
  if (error instanceof Deno.errors.NotADirectory) {
    return "a part of the path is a file, not a folder; check the path";
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return `permission denied; choose a path that you may ${verb}`;
  }
  if (error instanceof IrregularFile || ofDevices(error)) {
    return `it is a device, a pipe or a socket; give the path of a file to ${verb}`;
  }
  if (error instanceof Deno.errors.NotCapable) {
    const elsewhere = verb === "write" ? "give a path below this folder, or " : "";
    return `Deno was not allowed to; ${elsewhere}run it with ${missingFlag(error)}`;
  }
  if (!(error instanceof Error && "code" in error)) return undefined;
  if (error.code === "ENOSPC") return "no space is left on the device; free some or choose another path";
  return error.message;
}

/** Whether Deno refused what it gives only to a program that may do everything: paths below /dev, /proc and /sys. */
function ofDevices(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable && missingFlag(error) === "--allow-all";
}

/** What is neither file nor folder: reading it may wait for ever, and a file in its place would not be it. */
class IrregularFile extends Error {}

/** What the system says of a path, if that is a regular file. Throws an error that `refusal` explains if it is not. */
export function requireFile(info: Deno.FileInfo): Deno.FileInfo {
  if (info.isDirectory) throw new Deno.errors.IsADirectory();
  if (!info.isFile) throw new IrregularFile();
  return info;
}

/** Opens a regular file to be read. Throws errors that `refusal` explains. */
export async function openFile(path: string): Promise<Deno.FsFile> {
  requireFile(await Deno.stat(path));
  return await Deno.open(path);
}

/** The bytes of a whole file. Throws a `UserError` if it cannot be read or is larger than `largestFile`. */
export function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return withFileErrors("read", path, async () => {
    const { size } = requireFile(await Deno.stat(path));
    if (size > largestFile) {
      throw new UserError(
        `${path} has ${size} bytes, more than the ${largestFile} that are read into memory; give a part of it`,
      );
    }
    return await Deno.readFile(path);
  });
}

/** Fills `bytes` from the file's position onwards; false if the file ends before. */
export async function readFull(file: Deno.FsFile, bytes: Uint8Array): Promise<boolean> {
  for (let done = 0; done < bytes.length;) {
    const count = await file.read(bytes.subarray(done));
    if (count === null) return false;
    done += count;
  }
  return true;
}

/** So many bytes of a file from its byte `first` on; undefined if it ends before. Throws a `UserError` if it cannot be read. */
export function readPart(path: string, first: number, count: number): Uint8Array<ArrayBuffer> | undefined {
  try {
    using file = Deno.openSync(path);
    file.seekSync(first, Deno.SeekMode.Start);
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count;) {
      const read = file.readSync(bytes.subarray(done));
      if (read === null) return undefined;
      done += read;
    }
    return bytes;
  } catch (error) {
    throw fileError("read", path, error);
  }
}

/** Writes every byte at the file's position. */
export async function writeFull(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

/**
 * Creates or replaces the file `path`, or what a link there leads to, in one instant: `write` fills a temporary file beside it, which is
 * then renamed. After a failure the old file, if any, is as it was. Throws a `UserError` if the path cannot be written.
 */
export function replaceFile(path: string, write: (file: Deno.FsFile) => Promise<void>): Promise<void> {
  return withFileErrors("write", path, async () => {
    const target = await targetOf(path);
    const temporary = temporaryBeside(target);
    const file = await Deno.open(temporary, { write: true, createNew: true });
    try {
      try {
        await write(file);
        await file.sync();
      } finally {
        file.close();
      }
      await Deno.rename(temporary, target);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {}); // the first error is the one to tell
      throw error;
    }
  });
}

/** Creates or replaces the file `path` by one of this text, in one instant. Throws a `UserError` if it cannot be written. */
export function replaceText(path: string, text: string): Promise<void> {
  return replaceFile(path, (file) => writeFull(file, new TextEncoder().encode(text)));
}

/** Throws a `UserError` unless `replaceFile` could write `path` now: asked before long work whose result goes there. */
export function requireWritable(path: string): Promise<void> {
  return withFileErrors("write", path, async () => {
    const temporary = temporaryBeside(await targetOf(path));
    await Deno.writeFile(temporary, new Uint8Array(), { createNew: true });
    await Deno.remove(temporary);
  });
}

/** The file that `path` is, or would be, at the end of all links. Throws an error that `refusal` explains for what is no file. */
async function targetOf(path: string): Promise<string> {
  const present = await orAbsent(Deno.stat(path));
  if (present) {
    requireFile(present);
    return await Deno.realPath(path);
  }
  const link = await orAbsent(Deno.lstat(path));
  return link?.isSymlink ? await targetOf(resolve(dirname(path), await Deno.readLink(path))) : path;
}

/** Whether there is anything at a path. Throws a `UserError` where that cannot be seen. */
export function isPresent(path: string): Promise<boolean> {
  return withFileErrors("read", path, async () => await orAbsent(Deno.stat(path)) !== null);
}

/** Whether a path is a folder's, to be read or written. Throws a `UserError` where that cannot be seen. */
export function isFolder(path: string, verb: "read" | "write" = "read"): Promise<boolean> {
  return withFileErrors(verb, path, async () => (await orAbsent(Deno.stat(path)))?.isDirectory ?? false);
}

/** What is asked of a path; null where nothing is. */
function orAbsent<T>(asked: Promise<T>): Promise<T | null> {
  return asked.catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
}

function temporaryBeside(path: string): string {
  return `${path}.${crypto.randomUUID()}.tmp`;
}

/** A folder's path without the slashes behind it. */
export const withoutSlash = (folder: string): string => folder.replace(/(?<=.)\/+$/, "");
