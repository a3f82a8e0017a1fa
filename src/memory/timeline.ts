/** Moments of a bucket: about as many as the lives of most tensors last. */
const bucketMoments = 32;

/** Spans of time, both ends included, by index. Finds which of those added so far meet another. */
export class Timeline {
  /** For each bucket, the spans that have a moment in it, and those that begin in it. */
  readonly #present: number[][];
  readonly #begun: number[][];

  constructor(readonly first: Int32Array, readonly last: Int32Array) {
    const buckets = Math.floor(last.reduce((a, b) => Math.max(a, b), 0) / bucketMoments) + 1;
    [this.#present, this.#begun] = [0, 1].map(() => Array.from({ length: buckets }, () => []));
  }

  add(span: number): void {
    const [from, to] = this.#buckets(span);
    this.#begun[from].push(span);
    for (let bucket = from; bucket <= to; bucket++) this.#present[bucket].push(span);
  }

  /** Puts those that share a moment with `span` into `found`, each once, and returns how many there are. */
  meeting(span: number, found: Int32Array): number {
    const { first, last } = this;
    const [from, to] = this.#buckets(span);
    let count = 0;
    for (let bucket = from; bucket <= to; bucket++) {
      for (const other of bucket === from ? this.#present[bucket] : this.#begun[bucket]) {
        if (first[other] <= last[span] && first[span] <= last[other]) found[count++] = other;
      }
    }
    return count;
  }

  #buckets(span: number): [number, number] {
    return [Math.floor(this.first[span] / bucketMoments), Math.floor(this.last[span] / bucketMoments)];
  }
}
