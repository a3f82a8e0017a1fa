import type { ImageSet } from "./image_set.ts";
import { type Shape, shapes } from "./image_shapes.ts";
import { Random } from "./random.ts";

/** Changes with every change of what is drawn. */
const version = 1;

type Colour = [red: number, green: number, blue: number];

interface Circle {
  x: number;
  y: number;
  radius: number;
}

/** An image being drawn: three channels of size² numbers, 0 to 255. Coordinates run from −1 to 1, x to the right, y downwards. */
interface Canvas {
  size: number;
  pixels: Float32Array;
}

/** The name of the generator with its version and seed; it fixes every image of a size. */
export function generatorName(seed: number): string {
  return `generated shapes, version ${version}, seed ${seed}`;
}

/**
 * `count` images, drawn when they are asked for: a figure of the label's shape, darker or brighter than what is behind it, of any
 * place, size and turn; behind it a background that slopes and a soft blob; before it a bar, half the time, and noise. A pixel's mean
 * over a class tells next to nothing, so that no linear classifier finds the labels. Labels go round. The seed, the split and the index alone fix
 * an image; no two images, of either split, come from the same random numbers.
 */
export function generatedImages(
  { size, seed, split, count }: { size: number; seed: number; split: "train" | "heldOut"; count: number },
): ImageSet {
  const canvas = { size, pixels: new Float32Array(3 * size * size) };
  // Distinct seeds, not hashes of names: among 60 000 images, 32-bit hashes would meet.
  const first = Random.for(seed, "images").uint32() + (split === "train" ? 0 : 2 ** 31);
  const label = (index: number) => index % shapes.length;
  return {
    count,
    label,
    write(index, out, at) {
      const random = new Random((first + index) % 2 ** 32);
      draw(canvas, shapes[label(index)], random);
      finish(canvas, random, out, at);
    },
  };
}

function draw(canvas: Canvas, shape: Shape, random: Random): void {
  const background = anyColour(random);
  slope(canvas, background, random);
  const blob = { x: between(random, -1, 1), y: between(random, -1, 1), radius: between(random, 0.3, 0.6) };
  paint(canvas, blob, anyColour(random), (x, y) => {
    const square = (x * x + y * y) / blob.radius ** 2;
    return square < 1 ? (1 - square) ** 2 : 0;
  });
  const radius = between(random, 0.5, 0.8);
  const room = 0.6 - 0.5 * radius;
  const figure = { x: between(random, -room, room), y: between(random, -room, room), radius };
  const turn = between(random, -shape.turn, shape.turn);
  const [right, down] = [Math.cos(turn) / radius, Math.sin(turn) / radius];
  const sharpness = radius * canvas.size / 2; // an edge is one pixel wide
  paint(canvas, figure, contrasting(background, random), (x, y) => {
    const share = 0.5 - sharpness * shape.distance(right * x + down * y, right * y - down * x);
    return share < 1 ? share : 1;
  });
  if (random.uniform() < 0.5) bar(canvas, random);
}

/** A straight bar from edge to edge, of any direction, not far from the middle. */
function bar(canvas: Canvas, random: Random): void {
  const angle = between(random, 0, Math.PI);
  const [across, down] = [Math.cos(angle), Math.sin(angle)];
  const [offset, halfWidth] = [between(random, -0.6, 0.6), between(random, 0.05, 0.13)];
  const sharpness = canvas.size / 2;
  paint(canvas, { x: 0, y: 0, radius: 1 }, anyColour(random), (x, y) => {
    const share = 0.5 + sharpness * (halfWidth - Math.abs(across * x + down * y - offset));
    return share < 1 ? share : 1;
  });
}

/** Fills the canvas with a colour that changes evenly in one direction. */
function slope({ size, pixels }: Canvas, middle: Colour, random: Random): void {
  for (const [channel, level] of middle.entries()) {
    const [acrossX, acrossY] = [between(random, -20, 20) / size, between(random, -20, 20) / size];
    for (let y = 0, i = channel * size * size; y < size; y++) {
      const start = level + (y - size / 2) * acrossY - size / 2 * acrossX;
      for (let x = 0; x < size; x++, i++) pixels[i] = start + x * acrossX;
    }
  }
}

/**
 * Lays a colour over the square around a circle, over each pixel as far as `cover` says, up to 1. `cover` takes the pixel's place
 * from the circle's centre.
 */
function paint(
  { size, pixels }: Canvas,
  { x, y, radius }: Circle,
  [red, green, blue]: Colour,
  cover: (x: number, y: number) => number,
): void {
  const [plane, step] = [size * size, 2 / size];
  const within = (pixel: number) => Math.min(size, Math.max(0, pixel));
  const first = (place: number) => within(Math.floor((place + 1) / step));
  const end = (place: number) => within(Math.ceil((place + 1) / step));
  const [left, right, top, bottom] = [first(x - radius), end(x + radius), first(y - radius), end(y + radius)];
  for (let row = top; row < bottom; row++) {
    for (let column = left; column < right; column++) {
      const share = cover((column + 0.5) * step - 1 - x, (row + 0.5) * step - 1 - y);
      if (share <= 0) continue;
      const i = row * size + column;
      pixels[i] += share * (red - pixels[i]);
      pixels[i + plane] += share * (green - pixels[i + plane]);
      pixels[i + 2 * plane] += share * (blue - pixels[i + 2 * plane]);
    }
  }
}

/** Writes the canvas as bytes, with even noise of a strength of the image's own. */
function finish({ pixels, size }: Canvas, random: Random, out: Uint8Array<ArrayBuffer>, at: number): void {
  const plane = size * size;
  const bytes = new Uint8ClampedArray(out.buffer, out.byteOffset + at, 3 * plane);
  const strength = between(random, 5, 45) / 1024;
  for (let i = 0; i < plane; i++) {
    const bits = random.uint32(); // ten for each channel
    bytes[i] = pixels[i] + ((bits & 1023) - 511.5) * strength;
    bytes[i + plane] = pixels[i + plane] + ((bits >>> 10 & 1023) - 511.5) * strength;
    bytes[i + 2 * plane] = pixels[i + 2 * plane] + ((bits >>> 20 & 1023) - 511.5) * strength;
  }
}

function between(random: Random, low: number, high: number): number {
  return low + random.uniform() * (high - low);
}

/** Of any brightness, and a slight hue: with strong ones too, small models take far longer to see figures. */
function anyColour(random: Random): Colour {
  const brightness = between(random, 40, 215);
  const level = () => brightness + between(random, -25, 25);
  return [level(), level(), level()];
}

/** A colour that is clearly brighter or darker than another: by at least 70 levels. */
function contrasting(other: Colour, random: Random): Colour {
  const sum = (colour: Colour) => colour[0] + colour[1] + colour[2];
  for (;;) {
    const colour = anyColour(random);
    if (Math.abs(sum(colour) - sum(other)) >= 3 * 70) return colour;
  }
}
