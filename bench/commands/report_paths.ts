import { isFolder, isPresent, withFileErrors, withoutSlash } from "../../src/io/files.ts";
import type { SweepResults } from "../results/read_results.ts";

/** Says on stderr what of a command line is passed over. */
export const tellLeftOut = (what: string): void => console.error(`Left out: ${what}`);

/** Says on stderr which lines of a sweep's results are none, such as half a one: what is told is without them. */
export const tellSkipped = ({ skipped }: Pick<SweepResults, "skipped">): void => skipped.forEach(tellLeftOut);

/** Paths, each once, without plain files, as a shell's `*` finds them beside reports. Files alone are left to whoever reads and refuses them. */
export async function withoutFiles(given: readonly string[]): Promise<string[]> {
  const paths = [...new Set(given.map(withoutSlash))];
  const areFiles = await Promise.all(
    paths.map(async (path) => await isPresent(path) && !await isFolder(path)),
  );
  if (areFiles.every(Boolean)) return paths;
  for (const path of paths.filter((_, index) => areFiles[index])) tellLeftOut(`${path} is a file, no report`);
  return paths.filter((_, index) => !areFiles[index]);
}

/** The same, with the reports below a folder, by name, in place of a folder that is none itself; without folders that hold none. */
export async function reportsBelow(given: readonly string[]): Promise<string[]> {
  const paths = await withoutFiles(given);
  const found = await Promise.all(
    paths.map(async (path) => await isFolder(path) ? await reportsIn(path) : [path]),
  );
  if (found.flat().length === 0) return paths;
  for (const path of paths.filter((_, index) => found[index].length === 0)) {
    tellLeftOut(`${path} holds no report`);
  }
  return [...new Set(found.flat())];
}

async function reportsIn(folder: string): Promise<string[]> {
  const entries = await withFileErrors("read", folder, () => Array.fromAsync(Deno.readDir(folder)));
  if (entries.some(({ name }) => name === "results.jsonl")) return [folder];
  const names = entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name).sort();
  return (await Promise.all(names.map((name) => reportsIn(`${folder}/${name}`)))).flat();
}
