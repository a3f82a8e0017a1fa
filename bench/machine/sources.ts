import { createHash } from "node:crypto";

const folders = ["bench", "kernels", "src"];
const files = ["deno.json", "deno.lock"];
const counts = (path: string) => /\.(ts|wgsl)$/.test(path) && !/_test\.ts$|\/testdata\//.test(path);

/**
 * What the program below `root` is made of: the SHA-256 of lines "blob path" in the order of paths, blobs as git names them, so that
 * `sourcesOfCommit` gives the same for the commit that they are from. Tests do not count.
 */
export async function digestSources(root: string): Promise<string> {
  const paths = [...files, ...(await Promise.all(folders.map((folder) => below(root, folder)))).flat()];
  return digest(
    await Promise.all(
      paths.map(async (path) => [path, blob(await Deno.readFile(`${root}/${path}`))] as const),
    ),
  );
}

/** The same of the files of a commit, from what `git ls-tree -r` prints of it. */
export function digestTree(listing: string): string {
  const entries = listing.split("\n").flatMap((line) => {
    const [, blob, path] = line.match(/^\d+ blob (\w+)\t(.*)$/) ?? [];
    const inside = files.includes(path) ||
      folders.some((folder) => path?.startsWith(`${folder}/`)) && counts(path);
    return inside ? [[path, blob] as const] : [];
  });
  return digest(entries);
}

function digest(entries: (readonly [path: string, blob: string])[]): string {
  const lines = entries.map(([path, blob]) => `${path} ${blob}\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex");
}

/** What git calls a file of these bytes. */
function blob(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

async function below(root: string, folder: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(`${root}/${folder}`)) {
    const path = `${folder}/${name}`;
    if (isDirectory) paths.push(...await below(root, path));
    else if (counts(path)) paths.push(path);
  }
  return paths;
}
