import { UserError } from "../errors.ts";
import type { ImageSet } from "./image_set.ts";
import { Random } from "./random.ts";

/** One step's images. */
export interface ImageBatch {
  /** [batch, 3, size, size], channel by channel. Kernels read a byte as byte·(2/255) − 1, and floats as they are. */
  images: Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  /** [batch] */
  labels: Int32Array<ArrayBuffer>;
}

/** The sizes of a batch: `batch` images of `size` pixels a side. */
export interface ImageBatchSize {
  batch: number;
  size: number;
}

/** What surrounds an image that is cropped: the byte nearest to a kernel's zero. */
const grey = 128;

/**
 * An endless supply of batches. Every epoch takes each image once, in an order of its own; a batch may end one epoch and begin the
 * next. Unless `augmentation` is "none", each image is moved by up to an eighth of its size along both axes, what comes into view being
 * grey, and mirrored half the time. The same seed gives the same batches.
 *
 * Source of the augmentation: K. He et al., "Deep residual learning for image recognition" (CVPR 2016), section 4.2.
 */
export class ImageBatches {
  readonly #set: ImageSet;
  readonly #size: ImageBatchSize;
  readonly #order: Random;
  readonly #changes: Random | null;
  readonly #epoch: Uint32Array;
  readonly #image: Uint8Array<ArrayBuffer>;
  #taken = 0;

  constructor(
    set: ImageSet,
    { batch, size, seed, augmentation }: ImageBatchSize & { seed: number; augmentation?: "none" },
  ) {
    this.#set = set;
    this.#size = { batch, size };
    this.#order = Random.for(seed, "image order");
    this.#changes = augmentation === "none" ? null : Random.for(seed, "augmentation");
    this.#epoch = Uint32Array.from({ length: set.count }, (_, index) => index);
    this.#image = new Uint8Array(3 * size * size);
  }

  next(): ImageBatch {
    const { batch, size } = this.#size;
    const images = new Uint8Array(batch * this.#image.length).fill(grey);
    const labels = new Int32Array(batch);
    for (let row = 0; row < batch; row++) {
      const index = this.#nextIndex();
      labels[row] = this.#set.label(index);
      this.#set.write(index, this.#image, 0);
      const out = images.subarray(row * this.#image.length, (row + 1) * this.#image.length);
      if (this.#changes) moveImage(this.#image, out, { size, ...randomMove(this.#changes, size) });
      else out.set(this.#image);
    }
    return { images, labels };
  }

  /** Shuffles when an epoch begins. Source: R. Durstenfeld, "Algorithm 235: Random permutation" (CACM 7, 1964). */
  #nextIndex(): number {
    const epoch = this.#epoch;
    if (this.#taken === 0) {
      for (let left = epoch.length; left > 1; left--) {
        const chosen = this.#order.below(left);
        [epoch[left - 1], epoch[chosen]] = [epoch[chosen], epoch[left - 1]];
      }
    }
    const index = epoch[this.#taken];
    this.#taken = (this.#taken + 1) % epoch.length;
    return index;
  }
}

/**
 * The first `count` batches of a set in its order, as they are; fewer where the set ends before, without an incomplete batch at the
 * end. Throws a `UserError` if not even one batch fits.
 */
export function heldOutBatches(
  set: ImageSet,
  { batch, size, count }: ImageBatchSize & { count: number },
): ImageBatch[] {
  if (set.count < batch) {
    throw new UserError(
      `The held-out split has ${set.count} images, fewer than a batch of ${batch}; ` +
        "give a smaller --batch or more images with --images",
    );
  }
  const imageBytes = 3 * size * size;
  return Array.from({ length: Math.min(count, Math.floor(set.count / batch)) }, (_, index) => {
    const images = new Uint8Array(batch * imageBytes);
    const labels = new Int32Array(batch);
    for (let row = 0; row < batch; row++) {
      labels[row] = set.label(index * batch + row);
      set.write(index * batch + row, images, row * imageBytes);
    }
    return { images, labels };
  });
}

function randomMove(random: Random, size: number) {
  const reach = Math.floor(size / 8);
  const right = random.below(2 * reach + 1) - reach;
  const down = random.below(2 * reach + 1) - reach;
  return { right, down, flip: random.uniform() < 0.5 };
}

/** Copies what stays in view of an image moved by whole pixels, then mirrors it; the rest of `out` keeps what it holds. */
function moveImage(
  image: Uint8Array,
  out: Uint8Array,
  { size, right, down, flip }: { size: number; right: number; down: number; flip: boolean },
): void {
  const [from, to] = [Math.max(0, -right), Math.max(0, right)];
  const width = size - Math.abs(right);
  for (let channel = 0; channel < 3; channel++) {
    for (let y = Math.max(0, down); y < Math.min(size, size + down); y++) {
      const row = (channel * size + y) * size;
      const source = row - down * size + from;
      out.set(image.subarray(source, source + width), row + to);
      if (flip) out.subarray(row, row + size).reverse();
    }
  }
}
