import type { Claim } from "./plan.ts";

/** Claims of a program, and the pairs of them that a dispatch binds to read one and write the other. */
export interface TestedProgram {
  readonly claims: Claim[];
  readonly apart: [number, number][];
}

/**
 * A training step in mini-sequences: each block takes its input through eight tensors piece by piece, forward, and backward where it makes
 * them again; the head goes in chunks. Block inputs live from forward to backward, and so do, within a block and `withKeys`, the keys and
 * values of all pieces, with their gradient.
 */
export function miniSequences(
  blocks: number,
  pieces: number,
  chunks: number,
  { withKeys }: { withKeys: boolean },
): TestedProgram {
  const piece = 2 ** 20;
  const sizes = [1, 4, 3, 1, 3, 4, 1, 4].map((size) => size * piece);
  const claims: Claim[] = [], apart: [number, number][] = [];
  let now = 0;
  const tensor = (bytes: number) =>
    claims.push({ name: `${claims.length}`, category: "transient", bytes, first: now, last: now }) - 1;
  /** A dispatch that reads tensors and writes one. */
  const dispatch = (reads: number[], written: number) => {
    for (const used of [...reads, written]) claims[used].last = now;
    for (const read of reads) apart.push([written, read]);
    now++;
    return written;
  };
  const stream = () => tensor(pieces * piece);
  const keysOf = (x: number) => {
    const keys = tensor(2 * pieces * piece);
    for (let i = 0; i < pieces; i++) dispatch([dispatch([x], tensor(piece))], keys);
    return keys;
  };
  const forward = (x: number, keys: number[]) => {
    let last = x;
    return sizes.map((bytes, i) => last = dispatch(i === 2 ? [last, ...keys] : [last], tensor(bytes)));
  };

  const inputs = [stream()];
  for (let block = 0; block < blocks; block++) {
    const x = inputs[block];
    const keys = withKeys ? [keysOf(x)] : [];
    const out = stream();
    for (let i = 0; i < pieces; i++) dispatch([x, forward(x, keys).at(-1)!], out);
    inputs.push(out);
  }
  let gradient = stream();
  const output = inputs.pop()!;
  for (let i = 0; i < chunks; i++) {
    const logits = dispatch([output], tensor(64 * pieces * piece / chunks));
    dispatch([logits], tensor(1024));
    dispatch([logits], gradient);
  }
  for (const x of inputs.reverse()) {
    const keys = withKeys ? [keysOf(x)] : [];
    const gradients = withKeys ? [tensor(2 * pieces * piece)] : [];
    const out = stream();
    for (let i = 0; i < pieces; i++) {
      const made = forward(x, keys);
      let d = gradient;
      for (const again of made.reverse()) d = dispatch([d, again], tensor(claims[again].bytes));
      for (const keysGradient of gradients) dispatch([d], keysGradient);
      dispatch([d], out);
    }
    gradient = out;
  }
  return { claims, apart };
}
