/** Memory for numbers on their way, kept from one use to the next: fresh memory is slow to touch. */
export class Scratch {
  #numbers = new Float32Array();

  /** So many numbers, whatever they are. */
  of(count: number): Float32Array<ArrayBuffer> {
    if (this.#numbers.length < count) this.#numbers = new Float32Array(count);
    return this.#numbers.subarray(0, count);
  }
}
