import { categories, type Category } from "./category.ts";

/** A tensor's claim on memory from dispatch `first` to dispatch `last`, both included. */
interface Lived {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Bytes that live at each dispatch, up to the last that any claim is for. */
export function liveBytes(claims: readonly Lived[]): Float64Array {
  const end = claims.reduce((latest, { last }) => Math.max(latest, last + 1), 0);
  const live = new Float64Array(end + 1);
  for (const { bytes, first, last } of claims) {
    live[first] += bytes;
    live[last + 1] -= bytes;
  }
  for (let at = 1; at < end; at++) live[at] += live[at - 1];
  return live.subarray(0, end);
}

/** The first dispatch at which most bytes live, and how many do. */
export function livePeak(claims: readonly Lived[]): { at: number; bytes: number } {
  const peak = { at: 0, bytes: 0 };
  liveBytes(claims).forEach((bytes, at) => {
    if (bytes > peak.bytes) Object.assign(peak, { at, bytes });
  });
  return peak;
}

/** What a piece of memory is for. */
interface Booked {
  readonly category: Category;
  readonly bytes: number;
}

/** Bytes by category that live at each of so many dispatches; what stands does at all. */
export function liveByCategory(
  claims: readonly (Lived & Booked)[],
  standing: readonly Booked[],
  dispatches: number,
): Record<Category, Float64Array> {
  const of = (category: Category) => {
    const live = liveBytes(claims.filter((claim) => claim.category === category));
    const stands = standing.reduce((sum, one) => sum + (one.category === category ? one.bytes : 0), 0);
    return Float64Array.from({ length: dispatches }, (_, at) => stands + (live[at] ?? 0));
  };
  return Object.fromEntries(categories.map((category) => [category, of(category)])) as ReturnType<
    typeof liveByCategory
  >;
}
