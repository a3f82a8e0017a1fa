import { type Category, noBytes } from "./category.ts";
import { livePeak } from "./live.ts";
import { packTightly } from "./search.ts";

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
  /** Bytes of all saved activations together, block inputs among them, whenever they live. */
  savedBytes: number;
  largestBufferBytes: number;
  /** Sizes of the shared buffers, and for each claim the index of its buffer and its offset there, a multiple of 256. */
  slots: { sizes: number[]; assignment: number[]; offsets: number[] };
}

const alignment = 256;
const roundUp = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

/** Buffers that exceed what is live at the peak by no more than this share are good enough. */
const goodEnough = 0.001;

/**
 * Plans the memory of a program, the same way every time. `apart` holds pairs of claims, by index, that must not be in one buffer while both
 * live. Throws nothing; the caller compares `largestBufferBytes` with the limits.
 */
export function planMemory(
  claims: readonly Claim[],
  standing: readonly Standing[],
  apart: Iterable<readonly [number, number]> = [],
): MemoryPlan {
  const foes: number[][] = claims.map(() => []);
  for (const [a, b] of apart) {
    foes[a].push(b);
    foes[b].push(a);
  }
  const items = {
    bytes: Float64Array.from(claims, ({ bytes }) => roundUp(bytes)),
    first: Int32Array.from(claims, ({ first }) => first),
    last: Int32Array.from(claims, ({ last }) => last),
    apart: foes,
  };
  const standingBytes = standing.reduce((sum, s) => sum + s.bytes, 0);
  const peak = livePeak(claims);
  const livePeakBytes = standingBytes + peak.bytes;
  const { sizes, bytes, assignment, offsets } = packTightly(
    items,
    peak.bytes,
    peak.bytes + goodEnough * livePeakBytes,
  );

  const liveAtPeak = noBytes();
  for (const s of standing) liveAtPeak[s.category] += s.bytes;
  for (const c of claims) if (c.first <= peak.at && peak.at <= c.last) liveAtPeak[c.category] += c.bytes;
  return {
    livePeakBytes,
    bufferBytes: standingBytes + bytes,
    liveAtPeak,
    savedBytes: claims.filter(({ category }) => category === "saved" || category === "inputs")
      .reduce((sum, c) => sum + c.bytes, 0),
    largestBufferBytes: Math.max(0, ...sizes, ...standing.map((s) => s.bytes)),
    slots: { sizes, assignment: [...assignment], offsets: [...offsets] },
  };
}

/** Bytes below which no plan of a program can go, known without packing any: those that live at once, and of its largest tensor. */
export type LeastMemory = Pick<MemoryPlan, "bufferBytes" | "largestBufferBytes">;

/** The least memory of a program. */
export function leastMemory(claims: readonly Claim[], standing: readonly Standing[]): LeastMemory {
  const largest = (of: readonly { bytes: number }[]) =>
    of.reduce((most, { bytes }) => Math.max(most, bytes), 0);
  const standingBytes = standing.reduce((sum, { bytes }) => sum + bytes, 0);
  return {
    bufferBytes: standingBytes + livePeak(claims).bytes,
    largestBufferBytes: Math.max(largest(claims), largest(standing)),
  };
}
