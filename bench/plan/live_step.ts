import type { Dispatch } from "../../src/gpu/kernel.ts";
import type { ProgramDescription } from "../../src/gpu/builder.ts";
import { categories, type Category } from "../../src/memory/category.ts";
import { liveByCategory } from "../../src/memory/live.ts";
import { bytes } from "../../src/text/format.ts";

/** A run of dispatches, both ends included. */
export interface Span<Name> {
  readonly name: Name;
  readonly first: number;
  readonly last: number;
}

/** A part of a step, as people tell them apart. */
export const sections = ["forward", "head", "backward", "update"] as const;
export type Section = typeof sections[number];

/** What is live over a step, dispatch by dispatch. */
export interface LiveStep {
  readonly dispatches: number;
  /** Bytes at each dispatch, standing buffers included. */
  readonly live: Readonly<Record<Category, Float64Array>>;
  readonly total: Float64Array;
  readonly sections: readonly Span<Section>[];
  /** Those of blocks, by their number from 0; what backward makes again belongs to its block. */
  readonly blocks: readonly Span<number>[];
  readonly peak: Peak;
}

/** The first dispatch at which most is live. */
export interface Peak {
  readonly at: number;
  readonly bytes: number;
  readonly section: Section;
  readonly block: number | null;
  readonly operator: string | null;
  readonly kernel: string;
}

/** What is live over the step of a description. */
export function liveStep({ dispatches, claims, standing }: ProgramDescription): LiveStep {
  const live = liveByCategory(claims, standing, dispatches.length);
  const total = Float64Array.from(
    dispatches,
    (_, at) => categories.reduce((sum, category) => sum + live[category][at], 0),
  );
  const at = total.reduce((best, live, i) => live > total[best] ? i : best, 0);
  const sectionOf = sectionsOf(dispatches);
  const { operator = null, layer = null, kernel } = dispatches[at];
  return {
    dispatches: dispatches.length,
    live,
    total,
    sections: spans(sectionOf),
    blocks: spans(dispatches.map(({ layer }) => layer)),
    peak: { at, bytes: total[at], section: sectionOf[at], block: layer, operator, kernel: kernel.label },
  };
}

/**
 * Of each dispatch its section. The head is all from its first dispatch to its last, a norm between class rows and logits, too; updates in the
 * midst of backward are a part of it, and so is what it makes again.
 */
function sectionsOf(dispatches: readonly Dispatch[]): Section[] {
  const operators = dispatches.map(({ operator }) => operator);
  const [first, last] = [operators.indexOf("head"), operators.lastIndexOf("head")];
  const named = dispatches.map(({ pass }, at): Section | undefined => {
    if (first >= 0 && first <= at && at <= last) return "head";
    return pass === "recompute" ? "backward" : pass;
  });
  const end = named.lastIndexOf("backward");
  let before: Section = "update";
  return named.map((name, at) => {
    const amid = name === "update" && before !== "update" && at < end;
    return before = amid ? before : name ?? before;
  });
}

/** Runs of equal names; where a name is undefined there is none. */
function spans<Name>(names: readonly (Name | undefined)[]): Span<Name>[] {
  const found: { name: Name; first: number; last: number }[] = [];
  names.forEach((name, at) => {
    const last = found.at(-1);
    if (name === undefined) return;
    if (last?.name === name && last.last === at - 1) last.last = at;
    else found.push({ name, first: at, last: at });
  });
  return found;
}

/** Of a part of a step, the dispatch at which most is live. */
export interface Column {
  readonly first: number;
  readonly last: number;
  readonly at: number;
}

/** A step in at most so many parts of about as many dispatches each. No part hides what it reaches: the peak is in its own. */
export function columns({ dispatches, total }: LiveStep, most: number): Column[] {
  const count = Math.min(dispatches, most);
  return Array.from({ length: count }, (_, i) => {
    const [first, end] = [i, i + 1].map((part) => Math.floor(part * dispatches / count));
    let at = first;
    for (let other = first; other < end; other++) if (total[other] > total[at]) at = other;
    return { first, last: end - 1, at };
  });
}

/** "peak 60 GiB: dispatch 4711 of 6745, block 31, backward, matmul_nt" */
export function peakInWords({ peak, dispatches }: LiveStep): string {
  const { at, section, block, kernel } = peak;
  const where = block === null ? "" : `block ${block}, `;
  return `peak ${bytes(peak.bytes)}: dispatch ${at + 1} of ${dispatches}, ${where}${section}, ${kernel}`;
}
