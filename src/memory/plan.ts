import { Random } from "../data/random.ts";
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
  /** Bytes of all saved activations together, block inputs among them, whenever they live. */
  savedBytes: number;
  largestBufferBytes: number;
  /** Size of all shared buffers, and for each claim the index of its buffer and its offset there, a multiple of 256. */
  slots: { bytes: number; assignment: number[]; offsets: number[] };
}

const alignment = 256;
const roundUp = (bytes: number) => Math.ceil(bytes / alignment) * alignment;

function overlap(a: Claim, b: Claim): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Where claims lie: the sizes of the buffers, and for each claim its buffer and its offset in it. */
interface Layout {
  sizes: number[];
  assignment: number[];
  offsets: number[];
}

/**
 * Gives claims to buffers. Takes them in the given order and puts each where buffers grow least and, among equals, where the least stays
 * free. Claims that live at the same time lie side by side in a buffer only where they fit without growth, so none outgrows its largest
 * claim, and only if they are not to be kept apart.
 */
function assign(
  claims: readonly Claim[],
  order: readonly number[],
  apart: readonly ReadonlySet<number>[],
): Layout {
  const members: number[][] = [];
  const sizes: number[] = [];
  const assignment = new Array<number>(claims.length);
  const offsets = new Array<number>(claims.length);
  for (const index of order) {
    const bytes = roundUp(claims[index].bytes);
    let best = { buffer: sizes.length, offset: 0, growth: bytes, slack: Infinity };
    for (let buffer = 0; buffer < sizes.length; buffer++) {
      const neighbours = members[buffer].filter((other) => overlap(claims[index], claims[other]));
      if (neighbours.some((other) => apart[index].has(other))) continue;
      const taken = neighbours.map((other) => ({
        from: offsets[other],
        to: offsets[other] + roundUp(claims[other].bytes),
      }));
      const growth = taken.length > 0 ? 0 : Math.max(0, bytes - sizes[buffer]);
      const gap = smallestGap(bytes, sizes[buffer] + growth, taken);
      if (!gap || growth > best.growth || (growth === best.growth && gap.slack >= best.slack)) continue;
      best = { buffer, growth, ...gap };
    }
    const { buffer, offset } = best;
    sizes[buffer] = Math.max(sizes[buffer] ?? 0, offset + bytes);
    (members[buffer] ??= []).push(index);
    assignment[index] = buffer;
    offsets[index] = offset;
  }
  return { sizes, assignment, offsets };
}

/** The tightest free range of a buffer that holds `bytes`, if there is one, and what it leaves free. */
function smallestGap(
  bytes: number,
  size: number,
  taken: { from: number; to: number }[],
): { offset: number; slack: number } | undefined {
  let best: { offset: number; slack: number } | undefined;
  let offset = 0;
  for (const { from, to } of [...taken.sort((a, b) => a.from - b.from), { from: size, to: size }]) {
    const slack = from - offset - bytes;
    if (slack >= 0 && (!best || slack < best.slack)) best = { offset, slack };
    offset = Math.max(offset, to);
  }
  return best;
}

/** Orders to place claims in: by size, by time, and what lives at the peak first, since that must have room of its own. */
function firstOrders(claims: readonly Claim[], peak: number): number[][] {
  const sorted = (before: (a: number, b: number) => number) => claims.map((_, i) => i).sort(before);
  const bySize = (i: number, j: number) => claims[j].bytes - claims[i].bytes;
  const byTime = (i: number, j: number) => claims[i].first - claims[j].first;
  const atPeak = (i: number) => Number(claims[i].first <= peak && peak <= claims[i].last);
  return [
    sorted((i, j) => bySize(i, j) || byTime(i, j)),
    sorted((i, j) => byTime(i, j) || bySize(i, j)),
    sorted((i, j) => atPeak(j) - atPeak(i) || bySize(i, j) || byTime(i, j)),
  ];
}

/** An order with one to four claims taken out by chance and put back elsewhere. */
function variation(order: readonly number[], random: Random): number[] {
  const varied = [...order];
  for (let moves = 1 + random.below(4); moves > 0; moves--) {
    const [moved] = varied.splice(random.below(varied.length), 1);
    varied.splice(random.below(varied.length + 1), 0, moved);
  }
  return varied;
}

/** Buffers that exceed what they hold by the first share are good enough; by the second, they are worth a long search. */
const [goodEnough, tooMuch] = [0.01, 0.05];

/** Variations to try, each of the best order so far, and as many where buffers are too large. The same ones in every run. */
const [attempts, mostAttempts] = [256, 8192];

/**
 * Plans the memory of a program. Claims share buffers greedily, by size or by time (Pisarchyk & Lee 2020, arXiv 2001.03288, "greedy by size for
 * shared objects", made to fill gaps), and the order is then varied by chance while that saves memory. `apart` holds pairs of claims, by index, that must not be in one buffer while both live.
 * Throws nothing; the caller compares `largestBufferBytes` with the limits.
 */
export function planMemory(
  claims: readonly Claim[],
  standing: readonly Standing[],
  apart: Iterable<readonly [number, number]> = [],
): MemoryPlan & { slotBytes: number[] } {
  const foes = claims.map(() => new Set<number>());
  for (const [a, b] of apart) {
    foes[a].add(b);
    foes[b].add(a);
  }
  const standingBytes = standing.reduce((sum, s) => sum + s.bytes, 0);
  const peak = livePeak(claims);
  const livePeakBytes = standingBytes + peak.bytes;
  const total = ({ sizes }: Layout) => sizes.reduce((a, b) => a + b, 0);
  const candidates = firstOrders(claims, peak.at).map((order) => ({
    order,
    layout: assign(claims, order, foes),
  }));
  let best = candidates.reduce((a, b) => total(a.layout) <= total(b.layout) ? a : b);
  const random = new Random(0);
  const exceeds = (share: number) => standingBytes + total(best.layout) > (1 + share) * livePeakBytes;
  for (let i = 0; exceeds(goodEnough) && i < (exceeds(tooMuch) ? mostAttempts : attempts); i++) {
    const order = variation(best.order, random);
    const layout = assign(claims, order, foes);
    if (total(layout) <= total(best.layout)) best = { order, layout };
  }
  const { sizes, ...slots } = best.layout;

  const liveAtPeak = noBytes();
  for (const s of standing) liveAtPeak[s.category] += s.bytes;
  for (const c of claims) if (c.first <= peak.at && peak.at <= c.last) liveAtPeak[c.category] += c.bytes;
  return {
    livePeakBytes,
    bufferBytes: standingBytes + total(best.layout),
    liveAtPeak,
    savedBytes: claims.filter(({ category }) => category === "saved" || category === "inputs")
      .reduce((sum, c) => sum + c.bytes, 0),
    largestBufferBytes: Math.max(0, ...sizes, ...standing.map((s) => s.bytes)),
    slots: { bytes: total(best.layout), ...slots },
    slotBytes: sizes,
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
