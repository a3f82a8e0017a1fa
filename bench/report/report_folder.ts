import { withoutSlash } from "../../src/io/files.ts";
import { UserError } from "../../src/errors.ts";

/** Where a run leaves its results. */
export interface ReportFolder {
  path: string;
  /** Path of `results.jsonl`, which exists and is empty. */
  results: string;
}

/**
 * Creates the folder of a run: `wanted`, or `reports/<date>-<adapter>`, with a numeric suffix where that holds results. Throws a UserError if
 * `wanted` holds results, which are left alone, or the folder cannot be written, so that a sweep fails before its first cell.
 */
export async function createReportFolder(
  wanted: string | undefined,
  adapterSlug: string,
  date: Date,
): Promise<ReportFolder> {
  const base = (wanted && withoutSlash(wanted)) ??
    `reports/${date.toISOString().slice(0, 10)}-${adapterSlug}`;
  for (let attempt = 1;; attempt++) {
    const path = attempt === 1 ? base : `${base}-${attempt}`;
    const results = `${path}/results.jsonl`;
    try {
      await Deno.mkdir(path, { recursive: true });
      await Deno.writeTextFile(results, "", { createNew: true });
      return { path, results };
    } catch (error) {
      const taken = error instanceof Deno.errors.AlreadyExists && await isFile(results);
      if (taken && wanted === undefined) continue;
      if (taken) {
        throw new UserError(
          `${path} holds results: go on with them by --resume ${path}, or choose another --out`,
        );
      }
      const { message } = error as Error;
      const why = /^Requires all access/.test(message) ? "Deno keeps it from programs" : message; // /proc, say
      throw new UserError(`Cannot write to the report folder ${path}: choose another with --out (${why})`);
    }
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
