import { hash } from "../../src/data/random.ts";
import { policyPresets } from "../../src/storage/policies.ts";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import type { CellRecord } from "../results/results.ts";

/** How charts draw a policy: each of the three tells it apart alone. */
export interface PolicyStyle {
  color: string;
  /** Lengths of strokes and gaps; empty: a solid line. */
  dash: number[];
  /** Of a point, as Vega names it. */
  shape: string;
}

const style = (color: string, dash: number[], shape: string): PolicyStyle => ({ color, dash, shape });

/** The presets' styles, the same in every report. */
const presetStyles: Record<keyof typeof policyPresets, PolicyStyle> & Record<string, PolicyStyle> = {
  exact: style("#808080", [], "circle"),
  half: style("#4c78a8", [8, 3], "square"),
  mesa8: style("#e45756", [5, 2], "triangle-up"),
  token8: style("#17a2a2", [3, 2], "triangle-right"),
  "mesa8-paper": style("#b279a2", [2, 2], "diamond"),
  mesa4: style("#f58518", [8, 2, 2, 2], "triangle-down"),
  mesa2: style("#b8940b", [1, 3], "cross"),
  tensor8: style("#54a24b", [4, 4], "triangle-left"),
  "mesa8-selective": style("#e377c2", [10, 2, 2, 2, 2, 2], "square"),
  recompute: style("#2f9e6e", [12, 3], "circle"),
  recompute8: style("#9d755d", [6, 6], "diamond"),
  mst: style("#7a6ff0", [3, 6], "triangle-up"),
  mst8: style("#1f9ed1", [6, 2, 1, 2], "triangle-down"),
};

/** What other policies choose from. */
const others: PolicyStyle[] = [
  ["#d45087", [7, 3]],
  ["#3d8bff", [2, 4]],
  ["#a05195", [9, 2, 1, 2]],
  ["#5b8c00", [4, 2]],
  ["#c05a00", [1, 2]],
  ["#00868b", [10, 4]],
  ["#8a6d3b", [3, 3]],
  ["#6a51a3", [5, 5]],
].flatMap(([color, dash]) =>
  ["circle", "square", "diamond", "triangle-up", "cross"].map((shape) =>
    style(color as string, dash as number[], shape)
  )
);

/** The preset that stores as a document does, whatever that is called. */
function presetLike({ name: _, ...document }: PolicyDocument): string | undefined {
  const text = JSON.stringify(document);
  return Object.entries(policyPresets).find(([, { name: _, ...preset }]) => JSON.stringify(preset) === text)
    ?.[0];
}

/**
 * The style of each policy by name, no two alike: a preset's its own, that of another which stores as a preset does the preset's, and of
 * any other, and what has no document, one chosen by its name, so that it stays the same from report to report; of a colour, and so of dashes,
 * of its own while there are any.
 */
export function policyStyles(policies: ReadonlyMap<string, PolicyDocument | null>): Map<string, PolicyStyle> {
  const chosen = new Map<string, PolicyStyle>();
  const free = (wanted?: PolicyStyle) => wanted !== undefined && ![...chosen.values()].includes(wanted);
  const take = (from: (name: string, document: PolicyDocument | null) => PolicyStyle | undefined) => {
    for (const [name, document] of policies) {
      const wanted = chosen.has(name) ? undefined : from(name, document);
      if (wanted && free(wanted)) chosen.set(name, wanted);
    }
  };
  take((name) => Object.hasOwn(presetStyles, name) ? presetStyles[name] : undefined);
  take((_, document) => document ? presetStyles[presetLike(document) ?? ""] : undefined);
  for (const name of [...policies.keys()].filter((name) => !chosen.has(name)).sort()) {
    const first = hash(name) % others.length;
    const inTurn = others.map((_, i) => others[(first + i) % others.length]);
    const newColor = ({ color }: PolicyStyle) => ![...chosen.values()].some((other) => other.color === color);
    chosen.set(name, inTurn.find(newColor) ?? inTurn.find(free) ?? inTurn[0]);
  }
  return new Map([...policies.keys()].map((name) => [name, chosen.get(name)!]));
}

/** The styles of the policies of records, and of others by name alone. */
export const stylesOfRecords = (
  records: readonly CellRecord[],
  others: readonly string[] = [],
): Map<string, PolicyStyle> =>
  policyStyles(
    new Map([
      ...others.map((name) => [name, null] as const),
      ...records.map(({ configuration: { policy, storage } }) => [policy, storage] as const),
    ]),
  );
