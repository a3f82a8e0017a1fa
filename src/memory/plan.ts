import { type Category, noBytes } from "./category.ts";

/** A tensor's claim on memory: `bytes` from dispatch `first` to dispatch `last`, both included. */
export interface Claim {
  name: string;
  category: Category;
  bytes: number;
  first: number;
  last: number;
}

/** A buffer that stands for the whole program: parameters, moments, range estimates, uniforms. */
export interface Standing {
  name: string;
  category: Category;
  bytes: number;
}

/** Memory of a program, from the program alone. All sizes in bytes. */
export interface MemoryPlan {
  /** Peak over dispatches of the bytes of live tensors, standing buffers included. */
  livePeakBytes: number;
  /** Bytes of the buffers that hold them. */
  bufferBytes: number;
  /** What was live at the peak. Sums to `livePeakBytes`. */
  liveAtPeak: Record<Category, number>;
  /** Bytes of all saved activations together, whenever they live. */
  savedBytes: number;
  largestBufferBytes: number;
  /** Sizes of the shared buffers, and for each claim the index of its buffer. */
  slots: { bytes: number; assignment: number[] };
}

const alignment = 256;
const roundUp = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

function overlap(a: Claim, b: Claim): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/**
 * Gives claims to buffers so that claims alive in one dispatch never share one. Takes the claims in the given order and puts each
 * into the free buffer whose size fits it best; a buffer grows to its largest claim.
 */
function assign(
  claims: readonly Claim[],
  order: readonly number[],
): { sizes: number[]; assignment: number[] } {
  const members: Claim[][] = [];
  const sizes: number[] = [];
  const assignment = new Array<number>(claims.length);
  for (const index of order) {
    const claim = claims[index];
    const bytes = roundUp(claim.bytes);
    let best = -1;
    let bestCost = bytes;
    let bestSlack = Infinity;
    for (let slot = 0; slot < sizes.length; slot++) {
      const growth = Math.max(0, bytes - sizes[slot]);
      const slack = Math.max(0, sizes[slot] - bytes);
      if (growth > bestCost || (growth === bestCost && slack >= bestSlack)) continue;
      if (members[slot].some((other) => overlap(claim, other))) continue;
      [best, bestCost, bestSlack] = [slot, growth, slack];
    }
    if (best < 0) {
      best = sizes.length;
      sizes.push(0);
      members.push([]);
    }
    sizes[best] = Math.max(sizes[best], bytes);
    members[best].push(claim);
    assignment[index] = best;
  }
  return { sizes, assignment };
}

/**
 * Plans the memory of a program. Claims share buffers by the better of two greedy orders (by size, by time; Pisarchyk & Lee 2020,
 * arXiv 2001.03288, "greedy by size for shared objects"). Throws nothing; the caller compares `largestBufferBytes` with the limits.
 */
export function planMemory(
  claims: readonly Claim[],
  standing: readonly Standing[],
): MemoryPlan & { slotBytes: number[] } {
  const indices = claims.map((_, i) => i);
  const bySize = [...indices].sort((a, b) =>
    claims[b].bytes - claims[a].bytes || claims[a].first - claims[b].first
  );
  const byTime = [...indices].sort((a, b) =>
    claims[a].first - claims[b].first || claims[b].bytes - claims[a].bytes
  );
  const total = (sizes: number[]) => sizes.reduce((a, b) => a + b, 0);
  const [best] = [assign(claims, bySize), assign(claims, byTime)].sort((a, b) =>
    total(a.sizes) - total(b.sizes)
  );

  const standingBytes = standing.reduce((sum, s) => sum + s.bytes, 0);
  const peak = livePeak(claims);
  const liveAtPeak = noBytes();
  for (const s of standing) liveAtPeak[s.category] += s.bytes;
  for (const c of claims) if (c.first <= peak.at && peak.at <= c.last) liveAtPeak[c.category] += c.bytes;
  return {
    livePeakBytes: standingBytes + peak.bytes,
    bufferBytes: standingBytes + total(best.sizes),
    liveAtPeak,
    savedBytes: claims.filter((c) => c.category === "saved").reduce((sum, c) => sum + c.bytes, 0),
    largestBufferBytes: Math.max(0, ...best.sizes, ...standing.map((s) => s.bytes)),
    slots: { bytes: total(best.sizes), assignment: best.assignment },
    slotBytes: best.sizes,
  };
}

function livePeak(claims: readonly Claim[]): { at: number; bytes: number } {
  const change = new Map<number, number>();
  for (const { first, last, bytes } of claims) {
    change.set(first, (change.get(first) ?? 0) + bytes);
    change.set(last + 1, (change.get(last + 1) ?? 0) - bytes);
  }
  const peak = { at: 0, bytes: 0 };
  let live = 0;
  for (const at of [...change.keys()].sort((a, b) => a - b)) {
    live += change.get(at)!;
    if (live > peak.bytes) Object.assign(peak, { at, bytes: live });
  }
  return peak;
}
