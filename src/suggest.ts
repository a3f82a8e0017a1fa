import { UserError } from "./errors.ts";

/**
 * The candidate that `name` was most likely meant to be: the one that the fewest edits reach, if these are at most a third of the
 * letters (and one is always allowed). Upper and lower case count as equal; the first of several equally near ones wins.
 */
export function nearest(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Infinity;
  for (const candidate of candidates) {
    const edits = editDistance(name.toLowerCase(), candidate.toLowerCase());
    const allowed = Math.max(1, Math.floor(Math.max(name.length, candidate.length) / 3));
    if (edits <= allowed && edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/**
 * `name`, if it is one of the candidates; else throws a `UserError` that suggests the nearest one and lists all.
 * `kind` is what a name stands for, in the words of the message: "model", "policy".
 */
export function oneOf<Name extends string>(kind: string, name: string, candidates: readonly Name[]): Name {
  const found = candidates.find((candidate) => candidate === name);
  if (found !== undefined) return found;
  const near = nearest(name, candidates);
  const known = candidates.join(", ");
  throw new UserError(
    near === undefined
      ? `Unknown ${kind} "${name}"; known: ${known}`
      : `Unknown ${kind} "${name}"; did you mean "${near}"? Known: ${known}`,
  );
}

/**
 * The fewest insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`, no letter edited twice.
 * (The optimal-string-alignment form of the Damerau–Levenshtein distance.)
 */
function editDistance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(replaced, rows[i - 1][j] + 1, row[j - 1] + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
      }
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
