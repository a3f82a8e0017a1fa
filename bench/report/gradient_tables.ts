import { markdownTable } from "markdown-table";
import type { PolicyDocument } from "../../src/storage/policy_document.ts";
import { operatorNames } from "../../src/train/gradient_error.ts";
import type { Cell } from "./cell_rounds.ts";
import { number, plural } from "../../src/text/format.ts";
import type { GradientErrors } from "../results/results.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";
import { mean, pairedTest } from "../statistics/statistics.ts";
import { savedActivations as saved } from "./tables.ts";

type Reading = (errors: GradientErrors) => number | null | undefined;

/** An error to three digits. */
export const digits = (value: number) => value.toPrecision(3);

/** How far exact gradients of two batches lie apart: what a step's gradient is uncertain by anyway. */
const batchNoise: Reading = ({ noise }) => noise;
const overallError: Reading = ({ overall }) => overall.relativeError;
const operatorError = (name: string): Reading => ({ operators }) => operators[name]?.relativeError;

/**
 * Tables of how far each policy's gradients are from `exact`'s, one a comparison, each followed by what it says about single choices; as
 * markdown. Null if no gradient was compared.
 */
export function gradientSection(comparisons: readonly Comparison<Cell>[]): string | null {
  const parts = comparisons.flatMap((comparison) => {
    const cells = [...comparison.cells.values()].filter((cell) => runs(cell).length > 0);
    if (cells.length === 0) return [];
    const table = gradientTable(cells, baseOf(comparison));
    return [`**${names(comparison).join(", ")}**`, table, ...sentences(cells)];
  });
  return parts.length ? parts.join("\n\n") : null;
}

/** The comparisons with the exact gradient, by training run. */
function runs(cell: Cell): (readonly GradientErrors[])[] {
  return [...cell.qualities.values()].map((q) => q.gradientErrors).filter((errors) => errors.length > 0);
}

/** Mean over all compared steps; null where one of them was not a number, or none has it. */
function meanOf(cell: Cell, pick: Reading): number | null {
  const values = runs(cell).flat().map(pick);
  return values.length && values.every((value) => value != null) ? mean(values as number[]) : null;
}

/** The relative error of the whole gradient, mean over all compared steps; null if it is not a number or was not measured. */
export const gradientError = (cell: Cell): number | null => meanOf(cell, overallError);

/** "steps 20 to 200": between which gradients were compared, for errors change as training goes on; null where none was. */
export function comparedSteps(cell: Cell): string | null {
  const steps = runs(cell).flat().map(({ step }) => step);
  if (steps.length === 0) return null;
  const [first, last] = [Math.min(...steps), Math.max(...steps)];
  return first === last ? `step ${number(first)}` : `steps ${number(first)} to ${number(last)}`;
}

function gradientTable(cells: readonly Cell[], base: Cell): string {
  const shown = (value: number | null, show = digits) => value === null ? "not a number" : show(value);
  const toldNoise = (cell: Cell) => runs(cell).flat().some((errors) => batchNoise(errors) !== undefined);
  const noisy = cells.some(toldNoise);
  const rows = cells.map((cell) => {
    const all = runs(cell);
    return [
      cell.configuration.policy,
      saved.show(cell, base) ?? "–",
      `${all.flat().length} (${plural(all.length, "seed")})`,
      shown(meanOf(cell, ({ overall }) => overall.cosine), (cosine) => cosine.toFixed(5)),
      shown(gradientError(cell)),
      ...noisy ? [toldNoise(cell) ? shown(meanOf(cell, batchNoise)) : "–"] : [],
      ...operatorNames.map((name) => shown(meanOf(cell, operatorError(name)))),
    ];
  });
  const header = [
    "policy",
    saved.label,
    "compared steps",
    "cosine",
    "relative error",
    ...noisy ? ["noise between batches"] : [],
    ...operatorNames,
  ];
  return markdownTable([header, ...rows], { align: ["l", ...header.slice(1).map(() => "r")] });
}

/** A choice whose price is told in words: of two policies that differ in it alone. */
interface Choice {
  field: "grouping" | "bits";
  fine: string | number;
  coarse: string | number;
  /** "One range for each head (`mesa8`) has" */
  subject(policy: string): string;
  object: string;
}

const choices: Choice[] = [
  {
    field: "grouping",
    fine: "head",
    coarse: "tensor",
    subject: (policy) => `One range for each head (\`${policy}\`) has`,
    object: "one for the tensor",
  },
  {
    field: "bits",
    fine: 8,
    coarse: 2,
    subject: (policy) => `Eight bits (\`${policy}\`) have`,
    object: "two",
  },
];

function sentences(cells: readonly Cell[]): string[] {
  return choices.flatMap((choice) =>
    cells.flatMap((fine) =>
      cells.filter((coarse) => differOnlyIn(choice, fine, coarse)).map((coarse) =>
        sentence(choice, fine, coarse)
      )
    )
  );
}

/** Whether the coarse policy's document, with the fine choice for the coarse one throughout, is the fine policy's. */
function differOnlyIn({ field, fine: one, coarse: other }: Choice, fine: Cell, coarse: Cell): boolean {
  const text = (document: PolicyDocument, from?: string | number) =>
    JSON.stringify({ ...document, name: "" }, (key, value) => key === field && value === from ? one : value);
  const [own, plain] = [fine, coarse].map(({ configuration }) => text(configuration.storage));
  return own !== plain && own === text(coarse.configuration.storage, other);
}

function sentence({ subject, object }: Choice, fine: Cell, coarse: Cell): string {
  const [own, other] = [fine, coarse].map(gradientError);
  const name = coarse.configuration.policy;
  const opening = subject(fine.configuration.policy);
  if (own === null || other === null) {
    return `${opening} no gradient error to compare with \`${name}\`: not a number.`;
  }
  const attention = "attention q, k, v";
  const [ownAttention, otherAttention] = [fine, coarse].map((cell) => meanOf(cell, operatorError(attention)));
  const within = ownAttention && otherAttention
    ? `; of ${attention} ${times(ownAttention, otherAttention)}, ${digits(ownAttention)} against ${
      digits(otherAttention)
    }`
    : "";
  return `${opening} ${times(own, other)} gradient error than ${object} (\`${name}\`): ${
    digits(own)
  } against ` +
    `${digits(other)}${within}. ${judgement(fine, coarse)}`;
}

/** "1.53 times smaller", of `own` against `other`. */
export function times(own: number, other: number): string {
  return own <= other
    ? `${(other / own).toFixed(2)} times smaller`
    : `${(own / other).toFixed(2)} times larger`;
}

/**
 * Whether the coarse policy's gradient error is measurably larger, with the statistic. A seed gives both policies the same weights at first
 * and the same data, so what differs between seeds cancels in the ratio of a pair.
 */
export function judgement(fine: Cell, coarse: Cell): string {
  const [own, other] = [fine, coarse].map(({ configuration }) => `\`${configuration.policy}\``);
  const pairs = coarse.pairedQualities(fine).map((pair) =>
    [pair.own, pair.base].map(({ gradientErrors }) => gradientErrors.map((errors) => overallError(errors)!))
  ).filter(([a, b]) => a.length > 0 && b.length > 0);
  const single = pairs.length === 1;
  const ratios = single
    ? pairs[0][0].slice(0, pairs[0][1].length).map((error, i) => Math.log(error / pairs[0][1][i]))
    : pairs.map(([a, b]) => Math.log(mean(a) / mean(b)));
  const test = pairedTest(ratios);
  if (!test) return `One compared step cannot tell whether ${other} is worse than ${own}.`;
  const { t, degrees, p } = test;
  const verdict = p >= 0.05 ? "not measurably worse" : t > 0 ? "measurably worse" : "measurably better";
  const what = single ? `${ratios.length} steps, which are not independent` : `${ratios.length} seeds`;
  return `${other} is ${verdict} than ${own} (Student's t of the logarithm of the ratio, paired over ${what}: ${
    t.toFixed(1)
  }, ${plural(degrees, "degree")} of freedom, ${p < 0.001 ? "p < 0.001" : `p = ${p.toFixed(3)}`}).`;
}
