import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { shapes } from "./image_shapes.ts";

const grid = Array.from({ length: 61 }, (_, i) => (i - 30) / 25);
const points = grid.flatMap((y) => grid.map((x) => [x, y]));

Deno.test("every shape lies within the unit circle and is its own mirror image", () => {
  for (const { name, distance } of shapes) {
    for (const [x, y] of points) {
      assertAlmostEquals(distance(x, y), distance(-x, y), 1e-12, name);
      if (x * x + y * y > 1) assert(distance(x, y) > 0, `${name} at ${x}, ${y}`);
    }
  }
});

Deno.test("no shape's distance changes by more than a point moves", () => {
  const moves = [[0.01, 0], [0, 0.01], [0.006, 0.008], [-0.008, 0.006]]; // all 0.01 long
  for (const { name, distance } of shapes) {
    for (const [x, y] of points) {
      const changes = moves.map(([right, down]) => Math.abs(distance(x + right, y + down) - distance(x, y)));
      assert(Math.max(...changes) <= 0.01 + 1e-12, `${name} at ${x}, ${y}`);
    }
  }
});

Deno.test("shapes are inside and outside where their names say", () => {
  const inside = (name: string, x: number, y: number) => {
    const shape = shapes.find((shape) => shape.name === name)!;
    return shape.distance(x, y) < 0;
  };
  const at = (x: number, y: number) =>
    shapes.filter(({ name }) => inside(name, x, y)).map(({ name }) => name);
  assertEquals(at(0, 0), [
    "disc",
    "square",
    "triangle",
    "cross",
    "star",
    "horizontal stripes",
    "vertical stripes",
  ]);
  assertEquals(at(0.1, -0.85), ["disc", "ring", "cross", "horizontal stripes", "vertical stripes"]);
  assertEquals(at(0, -0.93), ["disc", "ring", "triangle", "cross", "star", "vertical stripes", "checker"]);
  assertEquals(at(0, 0.6), [
    "disc",
    "ring",
    "square",
    "frame",
    "cross",
    "horizontal stripes",
    "vertical stripes",
  ]);
  assertEquals(at(0.6, 0.6), ["disc", "ring", "square", "frame", "horizontal stripes", "vertical stripes"]);
  // A point of the star lies at every fifth of a circle from the top, a notch between two.
  for (let tenth = 0; tenth < 10; tenth++) {
    const [x, y] = [Math.sin(tenth * Math.PI / 5), -Math.cos(tenth * Math.PI / 5)];
    assertEquals([inside("star", 0.98 * x, 0.98 * y), inside("star", 1.02 * x, 1.02 * y)], [
      tenth % 2 === 0,
      false,
    ]);
    assertEquals([inside("star", 0.41 * x, 0.41 * y), inside("star", 0.43 * x, 0.43 * y)], [
      true,
      tenth % 2 === 0,
    ]);
  }
});
