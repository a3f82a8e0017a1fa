/** How `deno task test` spreads the test files over processes. */

import { join, resolve } from "node:path";

/** Test files of one process: one opens at most a few devices, and 63 are as many as a process can have on NVIDIA. */
const [fewest, most] = [6, 24];

/** Flags of `deno test` that mean one process: what they ask for cannot be put together from several. */
const oneProcess = /^(--(shard|watch|fail-fast|junit-path|coverage|inspect|no-run|help)|-h$)/;

/**
 * Arguments of `deno test` for each group: consecutive files in the order of their paths, as `deno test` shards them.
 *
 * @param args the user's paths and flags, which every group gets
 * @param files how many test files there are, or more: a group may be empty
 * @param atOnce groups that run at once; of many files there are some times as many, so that none is left running alone for long
 */
export function groupArguments(args: string[], files: number, atOnce: number): string[][] {
  const one = args.some((argument) => oneProcess.test(argument)) || files <= most;
  const each = Math.max(fewest, Math.min(most, Math.ceil(files / (8 * atOnce))));
  const groups = one ? 1 : Math.ceil(files / each);
  if (groups <= 1) return [args];
  return Array.from({ length: groups }, (_, index) => [`--shard=${index + 1}/${groups}`, ...args]);
}

/**
 * Counts the test files under the paths among the arguments, or under `root` where there is none. What follows a flag may be its value;
 * it is not taken for a path, so that the count errs to more. A pattern counts as all of `root`.
 */
export function countTestFiles(args: string[], root = "."): number {
  const paths = args.filter((argument, index) =>
    !argument.startsWith("-") && !/^-[^=]*$/.test(args[index - 1] ?? "")
  );
  const counts = paths.map((path) => countUnder(resolve(root, path)) ?? countUnder(root) ?? 0);
  return paths.length > 0 ? counts.reduce((sum, count) => sum + count) : countUnder(root) ?? 0;
}

/** The number of test files in a folder, 1 for a file, undefined for what is not there. */
function countUnder(path: string): number | undefined {
  try {
    return Deno.statSync(path).isDirectory ? testFilesIn(path) : 1;
  } catch {
    return undefined;
  }
}

function testFilesIn(folder: string): number {
  let count = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (name.startsWith(".") || name === "node_modules") continue;
    if (isDirectory) count += testFilesIn(join(folder, name));
    else if (/(^|[._])test\.[cm]?[jt]sx?$/.test(name)) count++;
  }
  return count;
}
