/** Blocks of own rows that one dispatch of attention takes of each sequence and head, and how many pairs of query and key they see. */
export interface BlockRange {
  readonly first: number;
  readonly blocks: number;
  readonly pairs: number;
}

/**
 * Cuts a sequence's blocks of `blockRows` own rows, queries or keys, into ranges of at most `most` pairs, which a single block may exceed, and
 * of at most `mostBlocks` blocks.
 * Where attention is causal, a query sees all keys up to its own, so that late queries and early keys take longest.
 */
export function cutBlocks(
  own: "queries" | "keys",
  { sequence, causal }: { sequence: number; causal: boolean },
  blockRows: number,
  most: number,
  mostBlocks = Infinity,
): BlockRange[] {
  const triangle = (rows: number) => rows * (rows + 1) / 2;
  const pairsBefore = (block: number) => {
    const row = Math.min(block * blockRows, sequence);
    if (!causal) return row * sequence;
    return own === "queries" ? triangle(row) : triangle(sequence) - triangle(sequence - row);
  };
  const end = Math.ceil(sequence / blockRows);
  const ranges: BlockRange[] = [];
  for (let first = 0, next = 1; first < end; first = next++) {
    while (next < end && next - first < mostBlocks && pairsBefore(next + 1) - pairsBefore(first) <= most) {
      next++;
    }
    ranges.push({ first, blocks: next - first, pairs: pairsBefore(next) - pairsBefore(first) });
  }
  return ranges;
}

/** Workgroups of the heads that go abreast, at least: some for each that a large card holds at once. */
const workgroupsAbreast = 1024;
/** Bytes that these heads may read, over and over: what a large card's cache keeps. */
const bytesAbreast = 32 * 2 ** 20;

/**
 * How many heads, of all sequences', go abreast, block after block; of each so many bytes are read. Where attention is causal, so many that the
 * longest blocks begin first and a card's last ones are short, as far as a cache has what they read. Elsewhere blocks are equally long, and one
 * head follows the other.
 */
export function headsAbreast(
  { causal }: { causal: boolean },
  heads: number,
  blocks: number,
  bytesOfHead: number,
): number {
  if (!causal) return 1;
  const turns = Math.max(1, Math.floor(heads * blocks / workgroupsAbreast));
  return Math.max(1, Math.min(Math.ceil(heads / turns), Math.floor(bytesAbreast / bytesOfHead)));
}
