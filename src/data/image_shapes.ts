/** The signed distance of a point to a shape's edge, negative inside; x to the right, y downwards. */
export type Distance = (x: number, y: number) => number;

/** A class of generated images: its name, and the figure that its images show, which fills most of the unit circle. */
export interface Shape {
  name: string;
  distance: Distance;
  /** The most that the figure is turned either way, in radians: enough for every position that looks different, or less. */
  turn: number;
}

/** Width of a stripe or of a checker's field, where the circle that they fill has radius 1. */
const stripe = 0.36;

/** The classes in the order of their labels. Each is its own mirror image, so that a flip keeps the label. */
export const shapes: Shape[] = [
  { name: "disc", distance: disc, turn: 0 },
  { name: "ring", distance: (x, y) => Math.abs(disc(x, y) + 0.22) - 0.22, turn: 0 },
  { name: "square", distance: (x, y) => square(x, y) - 0.7, turn: Math.PI / 4 },
  { name: "frame", distance: (x, y) => Math.abs(square(x, y) - 0.53) - 0.17, turn: Math.PI / 4 },
  { name: "triangle", distance: triangle, turn: Math.PI },
  { name: "cross", distance: (x, y) => Math.min(bar(x, y), bar(y, x)), turn: Math.PI / 4 },
  { name: "star", distance: star, turn: Math.PI },
  { name: "horizontal stripes", distance: (x, y) => Math.max(disc(x, y), stripes(y)), turn: 0.3 },
  { name: "vertical stripes", distance: (x, y) => Math.max(disc(x, y), stripes(x)), turn: 0.3 },
  { name: "checker", distance: (x, y) => Math.max(disc(x, y), checker(x, y)), turn: Math.PI / 4 },
];

function disc(x: number, y: number): number {
  return Math.sqrt(x * x + y * y) - 1;
}

/** Distance to the centre in the maximum norm. */
function square(x: number, y: number): number {
  return Math.max(Math.abs(x), Math.abs(y));
}

function bar(x: number, y: number): number {
  return Math.max(Math.abs(x) - 0.22, Math.abs(y) - 0.95);
}

/** Equilateral, its corners on the unit circle. */
function triangle(x: number, y: number): number {
  return Math.max(y, Math.abs(x) * Math.sqrt(0.75) - y / 2) - 0.5;
}

/** Five points on the unit circle, five notches on one of radius 0.42. Mirrored until only half a point is left, the upper one's. */
function star(x: number, y: number): number {
  for (let fold = 0; fold < 2; fold++) {
    x = Math.abs(x);
    const beyond = 2 * Math.max(0, x * tenth.x + y * tenth.y);
    x -= beyond * tenth.x;
    y -= beyond * tenth.y;
  }
  return Math.abs(x) * starEdge.x - (y + 1) * starEdge.y;
}

/** At right angles to the line through a notch, a tenth of a circle from a point. */
const tenth = { x: Math.cos(Math.PI / 5), y: Math.sin(Math.PI / 5) };

/** At right angles to the edge from a point to its notch, outwards. */
const starEdge = (() => {
  const [across, along] = [0.42 * tenth.y, 1 - 0.42 * tenth.x];
  const length = Math.sqrt(across ** 2 + along ** 2);
  return { x: along / length, y: across / length };
})();

/** Stripes across an axis, the middle one around 0. */
function stripes(t: number): number {
  return Math.abs(modulo(t + stripe, 2 * stripe) - stripe) - stripe / 2;
}

/** Either a stripe across or one along, not both: fields beside their corners, none at the centre. */
function checker(x: number, y: number): number {
  const [across, along] = [stripes(x), stripes(y)];
  return Math.max(Math.min(across, along), -Math.max(across, along));
}

function modulo(value: number, base: number): number {
  return value - base * Math.floor(value / base);
}
