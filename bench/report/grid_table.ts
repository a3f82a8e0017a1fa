import { bytes, number, ratio } from "../../src/text/format.ts";
import type { Cell } from "./cell_rounds.ts";
import { byFamily } from "./families.ts";
import { baseName } from "./savings.ts";
import { baseOf, type Comparison, names } from "./side_by_side.ts";
import { isSettled } from "./speeds.ts";
import { speedWords } from "./tables.ts";
import { statusWords } from "../results/results.ts";
import { code, policiesOf, table } from "./words.ts";

/**
 * Of a sweep over several families a row for each model and size: what the base takes, and of each other policy buffers and speed as
 * multiples of the base's, "0.46× at 0.98×"; below it what they are. Null where `byFamily` has nothing to part.
 */
export function gridTable(comparisons: readonly Comparison<Cell>[]): string | null {
  if (byFamily(comparisons) === null) return null;
  const base = baseName(comparisons);
  const policies = policiesOf(comparisons).filter((policy) => policy !== base);
  const rows = comparisons.map((comparison) => {
    const own = baseOf(comparison);
    return [
      ...names(comparison),
      own.memory ? withFailure(bytes(own.memory.bufferBytes), own) : "–",
      own.tokensPerSecond === null ? "–" : number(own.tokensPerSecond),
      ...policies.map((policy) => multiples(comparison.cells.get(policy), own)),
    ];
  });
  const header = ["model", "tokens", `${code(base)}: buffers`, "tokens/s", ...policies.map(code)];
  return `${table(header, rows)}\n\nBeside ${
    code(base)
  } stand multiples of its buffers, at multiples of its speed.`;
}

/** "0.46× at 0.98×"; of what has no speed the buffers alone, and why. */
function multiples(cell: Cell | undefined, base: Cell): string {
  if (!cell?.memory || !base.memory) return "–";
  const buffers = ratio(cell.memory.bufferBytes / base.memory.bufferBytes);
  const speed = cell.speedAgainst(base);
  if (!speed) return withFailure(buffers, cell);
  if (!speed.interval) return `${buffers} at ${speedWords(speed).join(" ")}`;
  return `${buffers} at ${isSettled(speed) ? ratio(speed.ratio) : "no settled speed"}`;
}

const withFailure = (text: string, { failure }: Cell) =>
  failure ? `${text}: ${statusWords[failure.status]}` : text;
