import type { ImageSet } from "./image_set.ts";
import { Random } from "./random.ts";

/** Cells a side that a picture is averaged over: what a linear rule sees of it, in each of three channels. */
const cells = 8;
const features = 3 * cells * cells;

/** What it learns from, for how long, and how fast; the rate falls to zero. */
const [mostImages, epochs, rate] = [10_000, 10, 0.1];

/** What stands beside a network's loss on the same held-out images. */
export interface Yardstick {
  readonly classes: number;
  readonly size: number;
}

/**
 * The held-out loss, in nats an image, of a linear rule: softmax of a linear function of 8 × 8 means of each channel, learnt from the first
 * 10,000 images by gradient descent, one image at a time. The same images give the same number. `count` held-out images are looked at, the
 * first ones.
 */
export function linearRuleLoss(
  train: ImageSet,
  heldOut: ImageSet,
  { classes, size, count }: Yardstick & { count: number },
): number {
  const seen = Math.min(mostImages, train.count);
  const inputs = Array.from({ length: seen }, (_, index) => meansOf(train, index, size));
  const scale = scaling(inputs);
  for (const input of inputs) scale(input);
  const weights = Array.from({ length: classes }, () => new Float64Array(features + 1));
  const random = Random.for(0, "linear rule");
  const steps = epochs * seen;
  for (let step = 0; step < steps; step++) {
    const index = random.below(seen);
    const input = inputs[index];
    const probabilities = softmax(weights, input);
    const pace = rate * (1 - step / steps) / Math.sqrt(features);
    weights.forEach((row, of) => {
      const error = pace * (probabilities[of] - Number(of === train.label(index)));
      for (let i = 0; i < features; i++) row[i] -= error * input[i];
      row[features] -= error;
    });
  }
  let loss = 0;
  for (let index = 0; index < count; index++) {
    const input = meansOf(heldOut, index, size);
    scale(input);
    loss -= Math.log(Math.max(Number.MIN_VALUE, softmax(weights, input)[heldOut.label(index)]));
  }
  return loss / count;
}

/** The entropy, in nats an image, of the classes of the first `count` images: the loss of the best rule that looks at no image. */
export function classEntropy({ label }: ImageSet, classes: number, count: number): number {
  const counts = new Float64Array(classes);
  for (let index = 0; index < count; index++) counts[label(index)]++;
  return counts.reduce((sum, n) => n > 0 ? sum - n / count * Math.log(n / count) : sum, 0);
}

/** The means of a picture's cells, channel by channel. */
function meansOf(set: ImageSet, index: number, size: number): Float64Array {
  const picture = new Uint8Array(3 * size * size);
  set.write(index, picture, 0);
  const [sums, counts] = [new Float64Array(features), new Float64Array(features)];
  for (let channel = 0; channel < 3; channel++) {
    for (let y = 0; y < size; y++) {
      const row = (channel * cells + Math.floor(y * cells / size)) * cells;
      for (let x = 0; x < size; x++) {
        const cell = row + Math.floor(x * cells / size);
        sums[cell] += picture[(channel * size + y) * size + x];
        counts[cell]++;
      }
    }
  }
  return sums.map((sum, i) => counts[i] > 0 ? sum / counts[i] : 0);
}

/** What brings every feature of some inputs to mean 0 and deviation 1, in place. */
function scaling(inputs: readonly Float64Array[]): (input: Float64Array) => void {
  const mean = new Float64Array(features), square = new Float64Array(features);
  for (const input of inputs) {
    input.forEach((value, i) => {
      mean[i] += value / inputs.length;
      square[i] += value ** 2 / inputs.length;
    });
  }
  const deviation = square.map((value, i) => Math.sqrt(Math.max(value - mean[i] ** 2, 1))); // of bytes: 1 is nothing
  return (input) => input.forEach((value, i) => input[i] = (value - mean[i]) / deviation[i]);
}

function softmax(weights: readonly Float64Array[], input: Float64Array): number[] {
  const logits = weights.map((row) => {
    let sum = row[features];
    for (let i = 0; i < features; i++) sum += row[i] * input[i];
    return sum;
  });
  const most = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - most));
  const total = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / total);
}
