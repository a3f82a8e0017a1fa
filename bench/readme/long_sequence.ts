import { bytes, number } from "../../src/text/format.ts";
import type { Cell } from "../report/cell_rounds.ts";
import { sources } from "./making.ts";
import type { Sweep } from "./reports.ts";
import { code } from "../report/words.ts";

/** The longest sequence that trained, and the next that did not. */
export function longSequence(sweep: Sweep): string | null {
  const cells = sweep.comparisons.flatMap(({ cells }) => [...cells.values()]);
  const longestFirst = (some: Cell[]) =>
    some.toSorted((a, b) => b.configuration.sequence - a.configuration.sequence);
  const [own] = longestFirst(cells.filter((cell) => !cell.failure && cell.step && cell.memory));
  if (!own) return null;
  const { policy, sequence, arithmetic = "f32" } = own.configuration;
  const [next] = longestFirst(
    cells.filter(({ failure, configuration }) =>
      failure?.status === "oom" && configuration.policy === policy && configuration.sequence > sequence
    ),
  ).toReversed();
  const driver = own.driverBytes === null ? "" : `, ${bytes(own.driverBytes)} as the driver counts`;
  const end = next?.memory
    ? `; ${number(next.configuration.sequence)} would take ${bytes(next.memory.bufferBytes)}`
    : "";
  return `${code(policy)} trains ${code(own.configuration.model)} on one sequence of ${
    number(sequence)
  } tokens${arithmetic === "f32" ? "" : `, products in ${arithmetic},`} in ${
    bytes(own.memory!.bufferBytes)
  } of buffers${driver}, ${number(own.step!.median / 1000)} s a step${end}.\n\n${sources(sweep)}`;
}
