/** Bytes of all GPU buffers of a device: how many are live, and how many were when that was most. */
export class Ledger {
  #liveBytes = 0;
  #peakBytes = 0;

  /** Books a buffer that is made. */
  open(bytes: number): void {
    this.#liveBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
  }

  /** Books its end. */
  close(bytes: number): void {
    this.#liveBytes -= bytes;
  }

  /** Bytes of all live buffers. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** The highest `liveBytes` so far. */
  get peakBytes(): number {
    return this.#peakBytes;
  }
}
