import { alongK, type Product, type ThreadVariant } from "./matmul_variant.ts";
import { range } from "../shared/text.ts";

/** The tile of an operand in workgroup memory: `extent` rows or columns of C by tileK, k slowest. */
interface Tile {
  readonly operand: "a" | "b";
  readonly extent: number;
  readonly along: boolean;
  /** The operand's first row or column, and the end of them. */
  readonly first: string;
  readonly limit: string;
}

/**
 * How tiles come into workgroup memory. A thread takes a group of four vectors of one tile, loads them while the tile before is multiplied,
 * and puts them down after. Vectors that lie along k come from four neighbouring rows and are transposed on their way; an exclusive or
 * spreads those of one k over the banks. Groups of both tiles are dealt out to the threads in turn.
 */
export function staging(product: Product, v: ThreadVariant, threads: number) {
  const quads = v.tileK / 4;
  const tile = (operand: "a" | "b", extent: number, first: string, limit: string): Tile => ({
    operand,
    extent,
    first,
    limit,
    along: alongK(product, operand),
  });
  const tiles = [tile("a", v.tileM, "row0", "p.m"), tile("b", v.tileN, "column0", "p.n")];
  const groupsOf = ({ extent }: Tile) => extent * v.tileK / 16;
  const groups = tiles.reduce((sum, t) => sum + groupsOf(t), 0);
  const rounds = Math.ceil(groups / threads);
  const slot = (round: number, i: number) => `next${round}_${i}`;
  // The first of the rows and the vector of a group across k.
  const across = (t: Tile) => `g / ${t.extent / 4}u`;
  const lane = (t: Tile) => `g % ${t.extent / 4}u`;

  // A thread's four vectors of a tile, whose group is `g`; those beyond the matrix are zero. Whole tiles need not ask which.
  const loadGroup = (guarded: boolean) => (t: Tile, round: number) =>
    range(4).map((i) => {
      const place = t.along
        ? `let row = ${t.first} + g / ${quads}u * 4 + ${i}u; let column = k0 / 4 + g % ${quads}u;`
        : `let row = k0 + ${across(t)} + ${i * quads}u; let column = ${t.first} / 4 + ${lane(t)};`;
      const load = `${slot(round, i)} = ${t.operand}_at(row, column);`;
      if (!guarded) return `        { ${place} ${load} }`;
      const inside = t.along
        ? `row < ${t.limit} && column * 4 < k_end`
        : `row < k_end && column * 4 < ${t.limit}`;
      return `        { ${place} if (${inside}) { ${load} } else { ${slot(round, i)} = vec4<f32>(); } }`;
    }).join("\n");
  const putGroup = (t: Tile, round: number) => {
    const name = `${t.operand}_tile`;
    if (!t.along) {
      return range(4).map((i) =>
        `        ${name}[${across(t)} + ${i * quads}u][${lane(t)}] = ${slot(round, i)};`
      ).join("\n");
    }
    const column = (j: number) => `vec4(${range(4).map((i) => `${slot(round, i)}[${j}]`).join(", ")})`;
    return [
      `        let quad = g % ${quads}u; let across = (g / ${quads}u) ^ (quad * 2);`,
      ...range(4).map((j) => `        ${name}[quad * 4 + ${j}u][across] = ${column(j)};`),
    ].join("\n");
  };
  // Whose group a thread has in each round: both tiles' groups follow each other.
  const dealt = (text: (t: Tile, round: number) => string) =>
    range(rounds).map((round) => {
      let begin = 0;
      const parts = tiles.flatMap((t) => {
        const [from, to] = [begin, begin += groupsOf(t)];
        const [low, high] = [Math.max(from, round * threads), Math.min(to, (round + 1) * threads)];
        if (low >= high) return [];
        const shift = round * threads - from;
        const g = shift === 0 ? "local" : shift > 0 ? `local + ${shift}u` : `local - ${-shift}u`;
        const bounds = [
          ...low > round * threads ? [`local >= ${low - round * threads}u`] : [],
          ...high < (round + 1) * threads ? [`local < ${high - round * threads}u`] : [],
        ];
        return [`    ${bounds.length ? `if (${bounds.join(" && ")}) ` : ""}{
        let g = ${g};
${text(t, round)}
    }`];
      });
      return parts.join("\n");
    }).join("\n");

  const read = (t: Tile) => (k: number, lane: string) =>
    `${t.operand}_tile[${k}][${t.along ? `(${lane}) ^ ${2 * Math.floor(k / 4)}u` : lane}]`;
  return {
    a: read(tiles[0]),
    b: read(tiles[1]),
    // Nested, so that k is a constant index: of an index into all of the tile naga would check each, here one check serves all of a thread's.
    tiles: tiles.map((t) =>
      `var<workgroup> ${t.operand}_tile: array<array<vec4<f32>, ${t.extent / 4}>, ${v.tileK}>;`
    ).join("\n"),
    declare: [
      `  let whole = row0 + ${v.tileM}u <= p.m && column0 + ${v.tileN}u <= p.n;`,
      ...range(rounds).flatMap((round) => range(4).map((i) => `  var ${slot(round, i)} = vec4<f32>();`)),
    ].join("\n"),
    load: `    if (whole && k0 + ${v.tileK}u <= k_end) {
${dealt(loadGroup(false))}
    } else {
${dealt(loadGroup(true))}
    }`,
    put: dealt(putGroup),
  };
}
