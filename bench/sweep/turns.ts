/**
 * Turns of processes that live at once and of which one works at a time: there and back (A B, B A, …), so that whoever comes first, and
 * what drifts from one moment to the next, meets all alike.
 */
export class Turns {
  readonly #present = new Set<number>();
  readonly #waiting = new Map<number, () => void>();
  #count = 0;

  /** @param places how many take turns */
  constructor(readonly places: number) {
    for (let place = 0; place < places; place++) this.#present.add(place);
  }

  /** Resolves when it is the turn of a place, which lasts until it waits again or leaves. */
  wait(place: number): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#waiting.set(place, resolve));
    this.#next();
    return turn;
  }

  /** A place takes no more turns, though it may have waited for one. */
  leave(place: number): void {
    this.#present.delete(place);
    this.#waiting.delete(place);
    this.#next();
  }

  /** Once all that are present wait, lets the next one go. */
  #next(): void {
    if (this.#present.size === 0 || this.#waiting.size < this.#present.size) return;
    while (true) {
      const [round, turn] = [Math.floor(this.#count / this.places), this.#count % this.places];
      const place = round % 2 === 0 ? turn : this.places - 1 - turn;
      this.#count++;
      const go = this.#waiting.get(place);
      if (!go) continue; // it has left
      this.#waiting.delete(place);
      return go();
    }
  }
}
