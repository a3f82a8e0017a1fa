/**
 * What attention works on: `batch` sequences of `sequence` tokens. C = heads · headSize channels of queries and outputs, K = keyHeads · headSize
 * of keys and of values: as many as there are heads if left out, or a divisor of them, each then read by so many neighbouring heads.
 */
export interface AttentionShape {
  readonly batch: number;
  readonly sequence: number;
  readonly heads: number;
  readonly keyHeads?: number;
  readonly headSize: number;
  readonly causal: boolean;
}

/** The kernels of attention that exist in variants. */
export type AttentionKernel = "forward" | "backward_query" | "backward_key";

/** Matrix products of each kernel. */
const products: Record<AttentionKernel, number> = { forward: 2, backward_query: 3, backward_key: 4 };

/** Query heads that share a key head. */
export const groupOf = ({ heads, keyHeads = heads }: Pick<AttentionShape, "heads" | "keyHeads">) =>
  heads / keyHeads;

/** Columns of queries, keys and values side by side: C + 2K. */
export const qkvColumns = (
  { heads, keyHeads = heads, headSize }: Omit<AttentionShape, "batch" | "sequence" | "causal">,
) => (heads + 2 * keyHeads) * headSize;

/** Which operands of attention are scaled halves already: q, k and v together, and dO (`d`). */
export interface HalvedInputs {
  readonly qkv?: boolean;
  readonly d?: boolean;
}

/** What a kernel of attention is called in variants' files; where it reads scaled halves, of which, for another block may then be the best. */
export const attentionKey = (kernel: AttentionKernel, s: AttentionShape, { qkv, d }: HalvedInputs = {}) => {
  const heads = groupOf(s) === 1 ? s.heads : `${s.heads}:${s.keyHeads}`;
  const halved = qkv || d ? ` halved ${qkv ? "qkv" : ""}${d ? "d" : ""}` : "";
  return `attention_${kernel}${
    s.causal ? " causal" : ""
  } ${s.batch}×${heads}×${s.sequence}×${s.headSize}${halved}`;
};

const keyForm = new RegExp(
  "^attention_(?<kernel>forward|backward_query|backward_key)(?<causal> causal)? " +
    "(?<batch>\\d+)×(?<heads>\\d+)(:(?<keyHeads>\\d+))?×(?<sequence>\\d+)×(?<headSize>\\d+)( halved (?<qkv>qkv)?(?<d>d)?)?$",
);

/** The kernel of such a key, its shape, and which operands are halves; undefined if it is another kernel's. */
export function parseAttentionKey(
  key: string,
): { kernel: AttentionKernel; shape: AttentionShape; halved: HalvedInputs } | undefined {
  const { kernel, causal, keyHeads, qkv, d, ...sizes } = key.match(keyForm)?.groups ?? {};
  if (!kernel) return undefined;
  const [batch, heads, sequence, headSize] = [sizes.batch, sizes.heads, sizes.sequence, sizes.headSize].map(
    Number,
  );
  const shape = {
    ...{ batch, heads, sequence, headSize, causal: causal !== undefined },
    ...keyHeads !== undefined && { keyHeads: Number(keyHeads) },
  };
  return {
    kernel: kernel as AttentionKernel,
    shape,
    halved: { ...qkv && { qkv: true }, ...d && { d: true } },
  };
}

/** Floating-point operations for each pair of a query and a key, over all heads and sequences. */
export const flopsPerPair = (
  kernel: AttentionKernel,
  { batch, heads, headSize }: Omit<AttentionShape, "causal" | "sequence">,
) => 2 * products[kernel] * headSize * heads * batch;

/** Floating-point operations of a kernel. */
export function attentionFlops(kernel: AttentionKernel, shape: AttentionShape): number {
  const { sequence, causal } = shape;
  return flopsPerPair(kernel, shape) * sequence * (causal ? (sequence + 1) / 2 : sequence);
}
