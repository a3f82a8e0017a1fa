import { type BuilderOptions, builderOptionsFor, type Variants } from "../gpu/builder.ts";
import type { Arithmetic } from "../gpu/arithmetic.ts";
import type { Gpu } from "../gpu/device.ts";
import { OutOfMemoryError } from "../gpu/errors.ts";
import { Progress } from "../text/progress.ts";
import { cacheKey, cachePath, readCache, writeCache } from "./cache.ts";
import { measureCandidates } from "./measure.ts";
import { type TuningCase, tuningCase } from "./tuning_case.ts";

/** A candidate must be this much faster than the table's choice to take its place: less is noise. */
const worthIt = 0.99;

/**
 * The fastest variant for each key: remembered from an earlier run, else measured now, and remembered. Kernels that have one variant only
 * on this adapter are left out, as are all where the device has no timestamps.
 */
export async function tune(
  gpu: Gpu,
  keys: Iterable<string>,
  arithmetic: Arithmetic = "f32",
  path: string = cachePath(),
): Promise<Variants> {
  const options = { ...builderOptionsFor(gpu), arithmetic };
  const cases = [...new Set(keys)].map((key) => ({ key, given: tuningCase(key, options) }))
    .filter(({ given }) => given.candidates.length > 1);
  if (cases.length === 0 || !gpu.timestamps) return {};
  const cached = await cacheKey(gpu.adapter, arithmetic);
  const known = await readCache(path, cached);
  const isKnown = ({ key, given }: typeof cases[number]) => given.candidates.includes(known[key]);
  const found = Object.fromEntries(cases.filter(isKnown).map(({ key }) => [key, known[key]]));
  const missing = cases.filter((one) => !isKnown(one));
  const progress = new Progress(missing.map(() => "case"));
  try {
    for (const [i, { key, given }] of missing.entries()) {
      await progress.during(i, `tuning ${key}`, async () => {
        found[key] = await fastest(gpu, key, given, options);
        await writeCache(path, cached, { [key]: found[key] }); // at once: an interrupted run keeps what it found
      });
    }
  } finally {
    progress.clear();
  }
  return found;
}

/** The fastest candidate of a key; the table's choice where memory does not suffice to find out. */
async function fastest(gpu: Gpu, key: string, given: TuningCase, options: BuilderOptions): Promise<string> {
  try {
    const times = await measureCandidates(gpu, key, given, options);
    const best = times.indexOf(Math.min(...times));
    return given.candidates[times[best] < worthIt * times[0] ? best : 0]; // the table's, too, where none compiles
  } catch (error) {
    if (error instanceof OutOfMemoryError) return given.candidates[0];
    throw error;
  }
}
