import { bytes, ratio } from "../../src/text/format.ts";
import type { Cell } from "./cell_rounds.ts";
import { baseOf, bytesQuantity, type Comparison, type Quantity, sideBySide } from "./side_by_side.ts";

type Part = "parameters" | "gradients" | "optimizer";

const weights: readonly Part[] = ["parameters", "optimizer"];
const all: readonly Part[] = [...weights, "gradients"];

/** Bytes at the live peak of some parts of a cell's state. */
const bytesOf = (parts: readonly Part[]) => ({ memory }: Cell) =>
  memory && parts.reduce((sum, part) => sum + (memory.liveAtPeak[part] ?? 0), 0);

/** Bytes for each number that is trained, with their ratio to the base's: "4.04 B (0.34×)". */
function perParameter(label: string, parts: readonly Part[]): Quantity<Cell> {
  return {
    label,
    show(cell, base) {
      const [own, other] = [cell, base].map(bytesOf(parts));
      if (own === null) return null;
      const text = `${(own / cell.parameters).toFixed(2)} B`;
      return cell === base || !other ? text : `${text} (${ratio(own / other)})`;
    },
  };
}

/** Bytes of weights, moments and gradients at the live peak, for each number that a cell trains. */
export const bytesAParameter = (cell: Cell): number | null => {
  const own = bytesOf(all)(cell);
  return own === null ? null : own / cell.parameters;
};

const quantities: Quantity<Cell>[] = [
  bytesQuantity("weights", bytesOf(["parameters"])),
  bytesQuantity("moments", bytesOf(["optimizer"])),
  {
    label: "gradients at the peak",
    show(cell) {
      const own = bytesOf(["gradients"])(cell);
      return own === null ? null : bytes(own);
    },
  },
  perParameter("weights and moments, a parameter", weights),
  perParameter("with gradients, a parameter", all),
];

/** Whether a cell keeps weights, moments or gradients otherwise than another. */
const keepsOtherwise = ({ configuration: own }: Cell, { configuration: base }: Cell) =>
  own.parameters !== base.parameters || own.moments !== base.moments || own.update !== base.update;

/** Bytes of weights, moments and gradients where the cells of a comparison differ in them, and what is told beside, as a markdown table; null where none do. */
export function statesTable(
  comparisons: readonly Comparison<Cell>[],
  beside: readonly Quantity<Cell>[] = [],
): string | null {
  const differing = comparisons.flatMap((comparison) => {
    const base = baseOf(comparison);
    const cells = [...comparison.cells].filter(([, cell]) => cell === base || keepsOtherwise(cell, base));
    return cells.length > 1 ? [{ ...comparison, cells: new Map(cells) }] : [];
  });
  return sideBySide(differing, [...quantities, ...beside]);
}
